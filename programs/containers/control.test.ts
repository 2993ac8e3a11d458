import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdir, mkdtemp, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readActivation, setUpControl } from "./control-setup.ts";

const own = ".bottlerocket/host-containers/current";
const ssm = { "activation-id": "a-1", "activation-code": "c0de", region: "eu-west-1" };

let root: string;
let registered: (readonly string[])[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "control-"));
  registered = [];
  await mkdir(join(root, own), { recursive: true });
  // As the image has it.
  await mkdir(join(root, "var/lib/amazon/ssm"), { recursive: true });
});
afterEach(async () => await rm(root, { recursive: true }));

/** The container starts; the agent's registration leaves its file, as the real one does. */
async function start(userData: unknown): Promise<void> {
  await writeFile(join(root, own, "user-data"), userData === undefined ? "" : JSON.stringify(userData));
  const register = async (argv: readonly string[]): Promise<void> => {
    registered.push(argv);
    await writeFile(join(root, own, "ssm/registration"), "{}");
  };
  await setUpControl(root, register, () => undefined);
}

test("an instance of EC2 has an identity; what its agent knows outlives the container", async () => {
  await start(undefined);
  await start(undefined);
  expect(registered).toEqual([]);
  expect(await readlink(join(root, "var/lib/amazon/ssm"))).toBe(`/${own}/ssm`);
});

test("another machine registers by the activation in its user data, once", async () => {
  await start({ ssm });
  await start({ ssm });
  expect(registered.map((argv) => argv.join(" "))).toEqual([
    "amazon-ssm-agent -register -id a-1 -code c0de -region eu-west-1 -y",
  ]);
});

test.each([
  [{ ssm: { region: "eu-west-1" } }, "at ssm.activation-id"],
  [{ ssm: { ...ssm, region: "-clear" } }, "at ssm.region: must be one word"],
  [[], "expected object"],
])("an activation that cannot be used stops the container with the place of what is wrong: %j", (userData, words) => {
  expect(() => readActivation(JSON.stringify(userData))).toThrow(words);
});
