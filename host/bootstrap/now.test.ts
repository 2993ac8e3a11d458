/** Protects: a machine that is being prepared, and the answer about it, from a systemd that does not answer. */
import { expect, test } from "bun:test";
import { Failure } from "../../lib/failure.ts";
import { eventually } from "../../test/eventually.ts";
import { runningHost, type RunningHost } from "../../test/worlds/host/running-host.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { bootstrapNow, untilPrepared } from "./now.ts";
import { recordPath, writeRecord, type BootstrapWork } from "./record.ts";

const essential: BootstrapWork = { kind: "commands", name: "disks", mode: "always", essential: true, state: "running" };

/** systemd answers no question about the unit that prepares the machine. */
function deafen({ programs }: RunningHost["machine"], error: Error): Disposable {
  const hears = programs.get("systemctl") ?? (() => "");
  programs.set("systemctl", (argv, limits) => {
    if (argv.includes("bootstrap.service")) throw error;
    return hears(argv, limits);
  });
  return { [Symbol.dispose]: () => void programs.set("systemctl", hears) };
}

test.each([
  ["does not answer", new Failure("timed-out", "cannot run systemctl show: not done after 5 s")],
  ["answers with an error", new Failure("exit-status", "cannot run systemctl: it exited with 1: Connection timed out")],
])("while systemd %s, the daemon goes on and says that it cannot tell", async (_, error) => {
  await using host = await runningHost();
  await writeRecord(host.machine.system, { entries: [essential] });
  {
    using _deaf = deafen(host.machine, error);
    await host.restart();
    await host.machine.advance(10_000);
    const { unknown, bootstrap } = await host.api.call("getStatus");
    expect(bootstrap).toEqual([essential]);
    expect(unknown).toEqual([expect.stringContaining(`cannot tell how far the preparation of this machine is`)]);
  }
  expect((await host.api.call("getStatus")).unknown).toBeUndefined();
  await writeRecord(host.machine.system, { entries: [{ ...essential, state: "done" }] });
  await eventually(async () => {
    await host.machine.advance(10_000);
    const { settings } = await host.api.call("getStatus");
    expect(settings.lastGoodBoot?.version).toBe(settings.version);
  });
});

test.each([
  ["cut short", '{"entries":[{"kind":"com'],
  ["of another shape", '{"entries":"none"}'],
  ["empty", ""],
])("a record that is %s is told, and ends nothing", async (_, text) => {
  await using host = await runningHost();
  await host.machine.write(recordPath, text);
  await host.restart();
  await host.machine.advance(10_000);
  expect((await host.api.call("getStatus")).unknown).toEqual([expect.stringContaining("cannot tell how far")]);
  await writeRecord(host.machine.system, { entries: [] });
  expect((await host.api.call("getStatus")).unknown).toBeUndefined();
});

test("what could not be told at first is waited for", async () => {
  await using host = await testSystem();
  await host.write(recordPath, "{");
  expect(await bootstrapNow(host.system)).toMatchObject({ entries: [], unknown: expect.any(String) });
  const aborted = AbortSignal.timeout(100);
  await expect(untilPrepared(host.system, aborted)).rejects.toBeDefined();
  await writeRecord(host.system, { entries: [] });
  expect(await untilPrepared(host.system, new AbortController().signal)).toBe(false);
});
