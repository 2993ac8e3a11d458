import { expect, test } from "bun:test";
import { TestAuthority } from "../../test/worlds/network/certificates.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { modelFor } from "../../settings/model/model.ts";
import { variantNamed } from "../../variants/all.ts";
import { warningsOf } from "./warnings.ts";

const mebibyte = 1024 ** 2;
const model = modelFor(variantNamed("dev"));

test("a file system that is full, and a certificate that is about to end, are told before they are met", async () => {
  await using machine = await testSystem({ startsAt: new Date() });
  const quiet = model.complete({});
  expect(await warningsOf(machine.system, quiet)).toEqual([]);

  await machine.write("/local/containers", "");
  machine.spaces.set("/local", { device: 1, sizeBytes: 4 * mebibyte, availableBytes: 0.2 * mebibyte });
  expect(await warningsOf(machine.system, quiet)).toEqual(["/local is nearly full: 0 MiB of 4 MiB are free"]);
  machine.spaces.set("/local", { device: 1, sizeBytes: 4 * mebibyte, availableBytes: 0 });
  expect(await warningsOf(machine.system, quiet)).toEqual(["/local is full: 0 MiB of 4 MiB are free"]);
  machine.spaces.clear();

  // It has ten days left.
  const authority = await TestAuthority.make("ops");
  const settings = model.complete({ api: { remote: { "client-cas": { ops: authority.setting } } } });
  const [soon, ...more] = await warningsOf(machine.system, settings);
  expect(soon).toMatch(/^settings\.api\.remote\.client-cas\.ops has certificate 1 \(.*ops\), which expires at \d{4}-/);
  expect(more).toEqual([]);
  machine.stepClock(11 * 86_400_000);
  expect((await warningsOf(machine.system, settings)).join()).toContain(", which expired at ");
});
