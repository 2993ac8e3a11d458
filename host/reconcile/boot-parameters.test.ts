import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "../../lib/json.ts";
import { emptyAddon } from "../../test/efi-program.ts";
import { factsOf, settingsOf } from "../../test/settings.ts";
import { testSystem, type TestSystem } from "../../test/system.ts";
import { wordsOfAddon } from "../boot-addon.ts";
import { bootParameters, commandLineWords } from "./boot-parameters.ts";

const facts = factsOf();
const withBoot = (boot: Json) => settingsOf({ boot });
const some = withBoot({ "kernel-parameters": { quiet: [], console: ["tty0", "ttyS1,115200n8"] } });
const none = settingsOf();
const addon = "/efi/loader/addons/orlop-settings.addon.efi";
const secureBoot = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

async function machine(): Promise<TestSystem> {
  const host = await testSystem();
  await host.write("/usr/lib/systemd/boot/efi/addonx64.efi.stub", emptyAddon().toString("latin1"), "latin1");
  return host;
}

const written = async (host: TestSystem): Promise<string | undefined> =>
  wordsOfAddon(Buffer.from(await host.read(addon, "latin1"), "latin1"));

test("parameters become words in the order of their names, a word for each value", () => {
  const { boot } = withBoot({
    "kernel-parameters": { slab_debug: ["FZ"], console: ["tty0", "ttyS1"], note: ["two words"] },
    "init-parameters": { log_level: ["debug"], splash: [] },
  });
  expect(commandLineWords(boot)).toBe(
    'console=tty0 console=ttyS1 note="two words" slab_debug=FZ log_level=debug splash',
  );
});

test("what the image itself needs, cannot be quoted or is too long is refused", () => {
  const words = (parameters: Json) => () => commandLineWords(withBoot({ "kernel-parameters": parameters }).boot);
  expect(words({ roothash: ["0"] })).toThrow("roothash is the image's own");
  expect(words({ note: ['a "'] })).toThrow("has a double quote");
  expect(words({ note: ["x".repeat(1000)] })).toThrow("they have 1005 bytes, at most 1000 fit");
});

test("an addon is written and removed, and a reboot is needed while it is not that of this boot", async () => {
  await using host = await machine();
  expect(await bootParameters.preview(host.system, none, facts)).toEqual({ effects: [], rebootNeeded: [] });
  const first = await bootParameters.pass(host.system, some, facts);
  expect(first.failures).toEqual([]);
  expect(first.rebootNeeded).toHaveLength(1);
  expect(await written(host)).toBe("console=tty0 console=ttyS1,115200n8 quiet");
  const second = await bootParameters.pass(host.system, some, facts);
  expect(second.steps).toBe(0);
  expect(second.rebootNeeded).toHaveLength(1);
  // The machine reboots: /run is empty, the ESP is not.
  await rm(join(host.system.root, "run"), { recursive: true });
  expect(await bootParameters.preview(host.system, some, facts)).toEqual({ effects: [], rebootNeeded: [] });
  const third = await bootParameters.pass(host.system, none, facts);
  expect(third.rebootNeeded).toHaveLength(1);
  expect(await host.readIfPresent(addon)).toBeUndefined();
  expect((await bootParameters.pass(host.system, some, facts)).rebootNeeded).toEqual([]);
});

test("under Secure Boot parameters are refused, and their absence is fine", async () => {
  await using host = await machine();
  await host.write(secureBoot, "\u0006\0\0\0\u0001", "latin1");
  const { failures, rebootNeeded } = await bootParameters.pass(host.system, some, facts);
  expect(failures.map(String)).toEqual([
    "Failure: cannot add kernel parameters: Secure Boot starts only what is signed",
  ]);
  expect(rebootNeeded).toEqual([]);
  expect((await bootParameters.pass(host.system, none, facts)).failures).toEqual([]);
});

test("an addon that was cut short is written again", async () => {
  await using host = await machine();
  await bootParameters.pass(host.system, some, facts);
  await host.write(addon, "MZ", "latin1");
  await bootParameters.pass(host.system, some, facts);
  expect(await written(host)).toBe("console=tty0 console=ttyS1,115200n8 quiet");
});
