import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../lib/program/process.ts";
import { TestAuthority } from "../../test/worlds/network/certificates.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { modelFor } from "../../settings/model/model.ts";
import { variantNamed } from "../../variants/all.ts";
import { warningsOf } from "./warnings.ts";

const model = modelFor(variantNamed("dev"));

test("a file system that is full, and a certificate that is about to end, are told before they are met", async () => {
  await using machine = await testSystem({ startsAt: new Date() });
  const quiet = model.complete({});
  expect(await warningsOf(machine.system, quiet)).toEqual([]);

  const local = join(machine.system.root, "local");
  await mkdir(local);
  await run(["mount", "-t", "tmpfs", "-o", "size=4m", "orlop-test", local]);
  try {
    await machine.write("/local/containers", "x".repeat(3.8 * 1024 ** 2));
    expect((await warningsOf(machine.system, quiet)).join()).toMatch(
      /^\/local is nearly full: \d MiB of 4 MiB are free$/,
    );
    await machine.write("/local/logs", "x".repeat(0.19 * 1024 ** 2)).catch(() => undefined);
    expect((await warningsOf(machine.system, quiet)).join()).toMatch(/^\/local is full: 0 MiB of 4 MiB are free$/);
  } finally {
    await run(["umount", local]);
  }

  // It has ten days left.
  const authority = await TestAuthority.make("ops");
  const settings = model.complete({ api: { remote: { "client-cas": { ops: authority.setting } } } });
  const [soon, ...more] = await warningsOf(machine.system, settings);
  expect(soon).toMatch(/^settings\.api\.remote\.client-cas\.ops has certificate 1 \(.*ops\), which expires at \d{4}-/);
  expect(more).toEqual([]);
  machine.stepClock(11 * 86_400_000);
  expect((await warningsOf(machine.system, settings)).join()).toContain(", which expired at ");
});
