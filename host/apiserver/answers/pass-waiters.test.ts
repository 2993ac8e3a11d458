import { expect, test } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { invoke } from "../../../lib/command/command-line.ts";
import { writePartitionSets } from "../../../test/worlds/update/partition-sets.ts";
import { runningHost } from "../../../test/worlds/host/running-host.ts";
import { apiclient } from "../../commands/apiclient.ts";

test("who changes the checks of updates while a version is on trial learns that they count from the next update on", async () => {
  await using host = await runningHost();
  const set = async (pair: string) => await invoke(apiclient, ["-s", host.socket, "set", pair]);
  const note =
    "apiclient: the version on trial is judged by the checks it was started with; " +
    "settings.updates.health counts from the next update on\n";
  await writePartitionSets(host.machine, "a", "0.1.0");
  expect(await set("updates.health.timeout-seconds=30")).toMatchObject({ stderr: "", exitCode: 0 });
  const entries = join(host.machine.system.root, "efi/loader/entries");
  await rename(join(entries, "orlop-a.conf"), join(entries, "orlop-a+0-1.conf"));
  expect(await set("updates.health.timeout-seconds=40")).toMatchObject({ stderr: note, exitCode: 0 });
  expect(await set("updates.health.timeout-seconds=40")).toMatchObject({ stderr: "", exitCode: 0 });
  expect(await set("motd=hi")).toMatchObject({ stderr: "", exitCode: 0 });
});
