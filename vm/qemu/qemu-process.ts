/** QEMU as a process: starting it in a machine's directory and asking for what QEMU chose itself. */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { toolCommand, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { readTextIfPresent, removeIfPresent } from "../../lib/files/files.ts";
import { afterFailure, Failure, isFailure } from "../../lib/failure.ts";
import { machineClock } from "../../lib/clock.ts";
import { type RunningProgram, start } from "../../lib/program/program.ts";
import { identify, kill, type ProcessIdentity } from "../process-identity.ts";
import { startChip } from "./chip.ts";
import { guestPlatforms } from "./guest-platform.ts";
import { files, qemuArguments, type Hardware } from "./qemu.ts";
import { Qmp } from "./qmp.ts";

/** Where the tools root has the firmware and option ROMs that QEMU loads by name. */
const dataDirectories = ["/usr/share/qemu", "/usr/share/seabios", "/usr/lib/ipxe/qemu"];
const readyPollMs = 20;
const dyingMs = 1_000;

export type StartedQemu = {
  process: ProcessIdentity;
  /** Ports of this computer by port of the guest. */
  ports: ReadonlyMap<number, number>;
  /** Resolves with the exit code; a process ended by a signal has 128 + its number. */
  exited: Promise<number>;
};

/**
 * Starts QEMU; the guest runs when this returns.
 *
 * @param options.reads files and directories outside the machine's directory that QEMU opens, such as the image
 * @param options.writes the same for what it also writes to
 * @param options.outlivesUs the machine goes on when this program ends; otherwise it dies with it
 * @throws {Failure<"qemu-failed">} with QEMU's last lines when it did not start
 * @throws {Failure<"tpm-failed">} the same for its TPM
 */
export async function startQemu(
  tools: ToolsRoot,
  directory: string,
  hardware: Hardware,
  options: { reads: readonly string[]; writes?: readonly string[]; outlivesUs: boolean; signal: AbortSignal },
): Promise<StartedQemu> {
  const { program } = guestPlatforms[hardware.architecture ?? "x86_64"];
  const argv = [program, ...qemuArguments(hardware, dataDirectories)] as const;
  const logPath = join(directory, "qemu.log");
  await using log = await open(logPath, "w");
  // That of an earlier QEMU would refuse us, or take us for its own client and hang up.
  await removeIfPresent(join(directory, files.qmp));
  const chip = hardware.tpm === true ? await startChip(directory, options) : undefined;
  const child = start(
    toolCommand(tools, argv, {
      binds: [directory, ...(options.writes ?? [])],
      readOnlyBinds: options.reads,
      cwd: directory,
      outlivesUs: options.outlivesUs,
    }),
    // Never in our session, so that Ctrl-C reaches us, who switch it off in order.
    { stdout: log.fd, stderr: log.fd, session: options.outlivesUs ? "outlives us" : "own" },
  );
  const sandbox = await identify(child.pid);
  let process: ProcessIdentity | undefined;
  try {
    if (sandbox === undefined) throw await whyQemuEnded(logPath, child.exited);
    await using qmp = await connectWhenReady(join(directory, files.qmp), child, logPath, options.signal);
    process = await childOf(sandbox);
    if (process === undefined) throw await whyQemuEnded(logPath, child.exited);
    return { process, ports: await qmp.forwardedPorts(), exited: child.exited };
  } catch (error) {
    throw await afterFailure(error, async () => {
      process ??= sandbox === undefined ? undefined : await childOf(sandbox);
      if (process !== undefined) await kill(process);
      if (sandbox !== undefined) await kill(sandbox);
      // Nobody may ever have talked to it.
      await chip?.end();
    });
  }
}

/** QEMU itself. A machine that outlives us also outlives the sandbox around it, so that is not the one to kill. */
async function childOf(sandbox: ProcessIdentity): Promise<ProcessIdentity | undefined> {
  const children = await readTextIfPresent(`/proc/${sandbox.pid}/task/${sandbox.pid}/children`);
  const pid = Number(children?.trim().split(" ")[0]);
  return Number.isInteger(pid) && pid > 0 ? await identify(pid) : undefined;
}

async function connectWhenReady(
  path: string,
  child: RunningProgram,
  logPath: string,
  signal: AbortSignal,
): Promise<Qmp> {
  for (;;) {
    try {
      return await Qmp.connect(path);
    } catch (error) {
      // A dying QEMU closes its sockets before it is gone.
      if (isFailure(error, "qmp-failed")) await child.endsWithin(dyingMs);
      if (child.hasEnded) throw await whyQemuEnded(logPath, child.exited);
      if (!isFailure(error, "cannot-connect")) throw error;
      await machineClock.sleep(readyPollMs, signal);
    }
  }
}

async function whyQemuEnded(logPath: string, exited: Promise<number>): Promise<Failure<"qemu-failed">> {
  const lastLines = (await readFile(logPath, "utf8")).trim().split("\n").slice(-5).join("\n") || "it said nothing";
  return new Failure("qemu-failed", `cannot start QEMU: it ended with ${await exited}: ${lastLines}`);
}
