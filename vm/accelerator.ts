/**
 * Whether KVM works on this computer.
 *
 * That /dev/kvm opens proves nothing: inside some virtual machines QEMU dies on it or the guest's kernel hangs. So a
 * kernel is booted until it looks for its root, once for each boot of this computer. Emulation always works.
 */
import { access, constants, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { ToolsRoot } from "../image/packages/tools-root.ts";
import { isFailure, systemErrorCode } from "../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../lib/files.ts";
import { parseJson } from "../lib/json.ts";
import { waitForLine } from "./console.ts";
import { bootId, kill } from "./process-identity.ts";
import { files, type Accelerator } from "./qemu.ts";
import { startQemu } from "./qemu-process.ts";

/** A kernel under KVM gets there in less than two seconds. */
const proofTimeoutMs = 15_000;

/** What a kernel without a root says last. */
const reachedTheEnd = /Kernel panic - not syncing: VFS: Unable to mount root fs/;

const remembered = z.object({ bootId: z.string(), accelerator: z.enum(["tcg", "kvm"]) });

/**
 * @param kernel a kernel with a serial console, for the proof
 * @param memory file that keeps the answer until this computer boots again
 */
export async function chooseAccelerator(
  tools: ToolsRoot,
  kernel: string,
  memory: string,
  signal: AbortSignal,
): Promise<Accelerator> {
  const known = await readTextIfPresent(memory);
  const answer = known === undefined ? undefined : remembered.safeParse(parseJson(known)).data;
  if (answer?.bootId === (await bootId())) return answer.accelerator;
  const accelerator = (await kvmOpens()) && (await kvmBoots(tools, kernel, signal)) ? "kvm" : "tcg";
  await writeFileAtomic(memory, `${JSON.stringify({ bootId: await bootId(), accelerator })}\n`);
  return accelerator;
}

async function kvmOpens(): Promise<boolean> {
  try {
    await access("/dev/kvm", constants.R_OK | constants.W_OK);
    return true;
  } catch (error) {
    if (systemErrorCode(error) !== undefined) return false;
    throw error;
  }
}

async function kvmBoots(tools: ToolsRoot, kernel: string, signal: AbortSignal): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), "kvm-proof-"));
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(proofTimeoutMs)]);
  try {
    const qemu = await startQemu(
      tools,
      directory,
      {
        name: "kvm-proof",
        accelerator: "kvm",
        cpus: 1,
        memoryMiB: 512,
        boot: { kind: "kernel", kernel, commandLine: "console=ttyS0 panic=0" },
        disks: [],
        forwards: [],
        extraCards: 0,
        shell: false,
      },
      { reads: [dirname(kernel)], outlivesUs: false, signal: inTime },
    );
    try {
      await waitForLine(join(directory, files.consoleLog), reachedTheEnd, { signal: inTime });
      return true;
    } finally {
      await kill(qemu.process);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (inTime.aborted || isFailure(error, "qemu-failed", "qmp-failed")) return false;
    throw error;
  } finally {
    await rm(directory, { recursive: true });
  }
}
