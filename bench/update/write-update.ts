/** An update that is written to a machine, by the journal of its host. */
import { bootTimeoutMs, processorSeconds } from "../guests.ts";
import type { UpdatingHost } from "../../test/real/vm/updating-host.ts";

const updateTimeoutMs = 600_000;

/**
 * Looks for that version and stages it, once the host has nothing else to do.
 *
 * @returns what it took in seconds, of the clock and of QEMU's processors
 */
export async function writeUpdate(
  updating: UpdatingHost,
  version: string,
): Promise<{ seconds: number; processor: number }> {
  const { shell, running } = updating.host;
  const { pid } = running.record.process;
  await shell.run("systemctl is-system-running --wait", bootTimeoutMs); // its own work after a boot is no part of it
  // Told by the journal: questions to the API would take the time of the one who works.
  const follow = "journalctl --follow --lines=0 --unit=hostd.service";
  const verified = shell.run(`${follow} | grep --quiet "read back and verified"`, updateTimeoutMs);
  const [startedMs, before] = [performance.now(), await processorSeconds(pid)];
  await updating.choose(version);
  await (await updating.host.api()).call("prepareUpdate");
  await verified;
  return { seconds: (performance.now() - startedMs) / 1000, processor: (await processorSeconds(pid)) - before };
}
