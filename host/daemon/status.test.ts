import { expect, test } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { writePartitionSets } from "../../test/worlds/update/partition-sets.ts";
import { runningHost } from "../../test/worlds/host/running-host.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { newBootStatus } from "./boot.ts";
import { statusOf, type StatusSources } from "./status.ts";

test("the status is told on a host of which little can be looked at, and says what", async () => {
  await using host = await runningHost();
  const { machine, api } = host;
  await api.call("patchSettings", {
    body: { "host-containers": { admin: { enabled: true, source: "registry.example.com/admin:v1" } } },
  });
  await api.commitAndWait({});
  await writePartitionSets(machine, "a", "0.1.0");
  await rename(join(machine.system.root, "efi/loader"), join(machine.system.root, "efi/gone"));
  const entry = { kind: "commands", name: "disk", mode: "once", essential: false, state: "running" };
  await machine.write("/run/orlop/bootstrap.json", JSON.stringify({ entries: [entry] }));
  await machine.write("/var/log/kdump", "a file where a directory is to be");
  for (const code of ["timed-out", "exit-status", "cannot-execute", "no-such-program"] as const) {
    for (const program of ["systemctl", "journalctl"]) {
      machine.programs.set(program, () => {
        throw new Failure(code, `cannot run ${program}`);
      });
    }
    expect(await api.call("getStatus")).toMatchObject({
      hostContainers: [{ name: "admin", state: "unknown (unknown)" }],
      update: { stage: "unknown" },
      bootstrap: [{ name: "disk" }],
    });
  }
});

test("a boot whose last step ends while the status is made is still booting", async () => {
  await using machine = await testSystem();
  const boot = newBootStatus();
  boot.steps.splice(0, boot.steps.length, { step: "see what is to prepare this machine", state: "running" });
  const updater: Pick<StatusSources["updater"], "lastUpdate" | "held"> = {
    held: [],
    async lastUpdate() {
      boot.steps[0] = { step: "see what is to prepare this machine", state: "done" };
      return await Promise.resolve(undefined);
    },
  };
  const engine = { status: () => [], rebootNeeded: () => [] };
  const datastore = { version: 1, repairs: [], pendingNames: () => [], lastGoodBoot: () => undefined };
  const facts = { variant: { name: "dev", platform: "qemu" }, arch: "x86_64", versionId: "0.1.0", buildId: "b" };
  const parts = {
    updater,
    engine,
    datastore,
    facts,
    trial: { current: () => undefined },
    changes: { areLockedDown: false },
  };
  const rest = { remote: { status: () => ({ enabled: false }) }, hostContainers: [], extensions: [], node: undefined };
  const sources = {
    system: machine.system,
    boot,
    setAside: [],
    warnings: [],
    auditUnusable: undefined,
    ...parts,
    ...rest,
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that this status asks of them
  expect(await statusOf(sources as unknown as StatusSources)).toMatchObject({
    state: "booting",
    boot: [{ state: "running" }],
  });
  expect(boot.steps).toMatchObject([{ state: "done" }]);
});
