/** Protects: whoever needs an extension learns before an update that the next version would be without it. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { extensionTarget } from "../../repo/extension.ts";
import { addTarget, prune } from "../../repo/publish.ts";
import { currentTree } from "../../repo/repository.ts";
import { testMachines } from "../../test/worlds/update/update-repository.ts";
import { updaterWorld } from "../../test/worlds/update/updater-world.ts";
import { explanationText } from "../commands/apiclient/update/update.ts";

const signal = new AbortController().signal;

test("an update explains which extensions the repository does not have for it, and pruning takes a version's with it", async () => {
  await using world = await updaterWorld("1.1.0");
  const repository = await world.repository.open();
  const offer = async (version: string): Promise<void> => {
    const path = join(world.repository.directory, version);
    await writeFile(path, version);
    const name = extensionTarget({ ...testMachines, version }, "tools");
    await addTarget(repository, testMachines, { name, path }, world.repository.signing());
  };
  const updater = await world.start();
  expect((await updater.explain(signal)).missingExtensions).toBeUndefined();
  world.choose("tools");
  const explanation = await updater.explain(signal);
  expect(explanation.missingExtensions).toEqual({ version: "1.1.0", names: ["tools"] });
  expect(explanationText(explanation)).toContain("Warning: the extension tools is not in /usr of 1.1.0");
  await offer("1.1.0");
  expect((await updater.explain(signal)).missingExtensions).toBeUndefined();

  await world.repository.publish("1.2.0");
  await offer("1.2.0");
  expect(await prune(repository, testMachines, 1, world.repository.signing())).toContain("1.1.0");
  const targets = Object.keys((await currentTree(repository, testMachines))?.targets.signed.targets ?? {});
  expect(targets.filter((name) => name.includes("-extension-"))).toEqual(["dev-x86_64-extension-tools-v1.2.0.raw"]);
}, 30_000);
