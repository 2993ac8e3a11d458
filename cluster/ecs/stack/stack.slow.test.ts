/** Protects: the stack is one that CloudFormation takes, and gives the updater the rights that it needs and no more. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { run } from "../../../lib/program/process.ts";
import { sdkCallsIn } from "../../../test/worlds/aws/sdk-calls.ts";
import { stackTemplate, updaterRights } from "../../../test/worlds/ecs/updater-rights.ts";
import { pythonPackages } from "../../../test/worlds/python/python-packages.ts";

const program = "import sys; from cfnlint.runner import main; sys.exit(main())";

test("cfn-lint finds nothing wrong with the template", async () => {
  const packages = await pythonPackages(join(import.meta.dir, "../../../test/worlds/ecs/cfn-lint.txt"));
  await run(await packages.python(["-c", program, "--regions", "eu-west-1", "--", stackTemplate], [import.meta.dir]));
}, 180_000);

test("the updater may do what its code asks of AWS, and nothing else", async () => {
  const asked = await sdkCallsIn(join(import.meta.dir, ".."));
  expect(await updaterRights()).toEqual(asked.map((call) => call.replace(" ", ":")));
  expect(asked.length).toBeGreaterThan(10);
});
