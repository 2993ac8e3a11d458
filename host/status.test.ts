import { expect, test } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../lib/failure.ts";
import { writePartitionSets } from "../test/partition-sets.ts";
import { runningHost } from "../test/running-host.ts";

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
