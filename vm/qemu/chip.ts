/**
 * The TPM of a machine: swtpm, a program of its own that QEMU talks to. It ends when QEMU hangs up, so who ends a machine has
 * nothing else to end. What the chip remembers is in the machine's directory. Source: swtpm(8), QEMU's docs/specs/tpm.rst.
 */
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { openToolsRoot, toolCommand } from "../../image/packages/tools-root.ts";
import { machineClock } from "../../lib/clock.ts";
import { afterFailure, Failure } from "../../lib/failure.ts";
import { isPresent, removeIfPresent } from "../../lib/files/files.ts";
import { start, type RunningProgram } from "../../lib/program/program.ts";
import { files } from "./qemu.ts";

const readyPollMs = 20;

/**
 * Starts the chip of the machine in that directory, for a QEMU that is started next.
 *
 * @throws {Failure<"tpm-failed">} with its last lines
 */
export async function startChip(
  directory: string,
  { outlivesUs, signal }: { outlivesUs: boolean; signal: AbortSignal },
): Promise<RunningProgram> {
  const tools = await openToolsRoot({ sets: ["tpm"] });
  await mkdir(join(directory, files.tpmState), { recursive: true });
  // That of an earlier one would be there before this one listens.
  await removeIfPresent(join(directory, files.tpm));
  const logPath = join(directory, "tpm.log");
  await using log = await open(logPath, "w");
  const state = ["--tpmstate", `dir=${files.tpmState}`] as const;
  const argv = [
    "swtpm",
    "socket",
    "--tpm2",
    ...state,
    "--ctrl",
    `type=unixio,path=${files.tpm}`,
    "--terminate",
  ] as const;
  const chip = start(toolCommand(tools, argv, { binds: [directory], cwd: directory, offline: true, outlivesUs }), {
    stdout: log.fd,
    stderr: log.fd,
    session: outlivesUs ? "outlives us" : "own",
  });
  try {
    while (!(await isPresent(join(directory, files.tpm)))) {
      if (chip.hasEnded) {
        const lastLines = (await readFile(logPath, "utf8")).trim().split("\n").slice(-5).join("\n");
        const ended = `cannot start the TPM: swtpm ended with ${await chip.exited}`;
        throw new Failure("tpm-failed", lastLines === "" ? ended : `${ended}: ${lastLines}`);
      }
      await machineClock.sleep(readyPollMs, signal);
    }
    return chip;
  } catch (error) {
    throw await afterFailure(error, async () => await chip.end());
  }
}
