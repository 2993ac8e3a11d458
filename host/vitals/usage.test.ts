import { expect, test } from "bun:test";
import { eventually } from "../../test/eventually.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { UsageLog } from "./usage.ts";

const meminfo = (availableKb: number): string =>
  `MemTotal:        4000000 kB\nMemFree:          100000 kB\nMemAvailable:    ${availableKb} kB\n`;
const pressure = (avg10: string): string =>
  `some avg10=${avg10} avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`;

test("an hour of memory and pressure is known, and whoever asks sees this moment", async () => {
  await using machine = await testSystem({ clock: "stands" });
  await machine.write("/proc/meminfo", meminfo(3_000_000));
  await machine.write("/proc/pressure/memory", pressure("1.50"));
  await machine.write("/var/log/x", "");
  const usage = new UsageLog(machine.system);
  const stop = new AbortController();
  const kept = usage.keep(stop.signal).catch(() => undefined);
  for (let notes = 0; notes < 140; notes++) {
    await eventually(async () => expect(machine.sleeping()).toBe(1));
    await machine.advance(30_000);
  }
  await eventually(async () => expect(machine.sleeping()).toBe(1));
  const before = await usage.now();
  expect(before.samples).toHaveLength(120);
  const [first, last] = [before.samples.at(0), before.samples.at(-1)];
  expect(Date.parse(last?.at ?? "") - Date.parse(first?.at ?? "")).toBeLessThanOrEqual(3_600_000);
  expect(last).toMatchObject({ memoryUsedBytes: 1_000_000 * 1024, pressure: { memory: 1.5 } });
  // No kernel has to have PSI.
  expect(last?.pressure).not.toHaveProperty("io");

  await machine.write("/proc/meminfo", meminfo(500_000));
  const after = await usage.now();
  expect(after.samples.at(-1)?.memoryUsedBytes).toBe(3_500_000 * 1024);
  expect(after.samples).toHaveLength(120);
  // /local does not exist here, and what there is has a size.
  expect(after.fileSystems.map(({ path }) => path)).toEqual(["/var"]);
  expect(after.fileSystems.every(({ sizeBytes, availableBytes }) => sizeBytes > availableBytes)).toBe(true);
  stop.abort();
  await kept;
});
