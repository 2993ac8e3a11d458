/** Protects: whoever loads modules of their own learns before an update that they cannot build them for it. */
import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { addTarget } from "../../repo/publish.ts";
import { testMachines } from "../../test/worlds/update/update-repository.ts";
import { updaterWorld } from "../../test/worlds/update/updater-world.ts";
import { explanationText } from "../commands/apiclient/update/update.ts";

const signal = new AbortController().signal;

test("a host with modules of its owner's warns when the next version has no kit to build them by", async () => {
  await using world = await updaterWorld("1.1.0");
  const updater = await world.start();
  const { variant, arch } = testMachines;
  const kit = `${variant}-${arch}-kmod-kit-v1.1.0.tar.xz`;
  await world.host.write("/sys/module/ext4/taint", "\n");
  await world.host.write("/sys/module/compression", "xz\n");
  expect((await updater.explain(signal)).missingKit).toBeUndefined();
  await world.host.write("/sys/module/scap/taint", "OE\n");
  const explanation = await updater.explain(signal);
  expect(explanation.missingKit).toEqual({ version: "1.1.0", modules: ["scap"], kit });
  expect(explanationText(explanation)).toContain(`the module scap may not load in 1.1.0: the repository has no ${kit}`);

  const file = join(world.repository.directory, "kit");
  await writeFile(file, "headers");
  const repository = await world.repository.open();
  await addTarget(repository, testMachines, { name: kit, path: file }, world.repository.signing());
  expect((await updater.explain(signal)).missingKit).toBeUndefined();
});
