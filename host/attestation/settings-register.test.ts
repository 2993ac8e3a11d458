/** Protects: the register of settings can be followed from the log beside it, however long a boot becomes. */
import { expect, test } from "bun:test";
import { replayed, settingsRegister } from "../../api/attestation/evidence.ts";
import { readRegisters } from "../../lib/tpm/tpm.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { softwareTpm } from "../../test/worlds/tpm/software-tpm.ts";
import { measureSettings } from "./settings-register.ts";

test("the oldest events are left out, and the rest still leads to the register", async () => {
  await using chip = await softwareTpm();
  await using machine = await testSystem();
  const measure = async (version: number) =>
    await measureSettings(machine.system, chip.transmit, { version, head: "a".repeat(64), digest: "b".repeat(64) });
  for (let version = 1; version <= 70; version++) await measure(version);
  // Nothing new extends nothing.
  const log = await measure(70);
  expect(log).toEqual(await measure(70));
  expect(log.events.map(({ version }) => version)).toEqual(Array.from({ length: 64 }, (_, index) => 7 + index));
  const register = (await readRegisters(chip.transmit, [settingsRegister])).get(settingsRegister);
  expect(replayed(log).toString("hex")).toBe(register?.toString("hex") ?? "none");
}, 300_000);

test("a log that is damaged is said to be, and nothing is extended by it", async () => {
  await using chip = await softwareTpm();
  await using machine = await testSystem();
  await machine.write("/run/orlop/measured-settings.json", "{");
  const settings = { version: 1, head: "a".repeat(64), digest: "b".repeat(64) };
  await expect(measureSettings(machine.system, chip.transmit, settings)).rejects.toMatchObject({
    code: "damaged-record",
    hint: "reboot the host",
  });
  const register = (await readRegisters(chip.transmit, [settingsRegister])).get(settingsRegister);
  expect(register?.toString("hex")).toBe("0".repeat(64));
}, 300_000);
