/**
 * Whether KVM works on this computer.
 *
 * That /dev/kvm opens proves nothing: inside some virtual machines QEMU dies on it or the guest's kernel hangs. So a
 * kernel is booted until it looks for its root, once for each boot of this computer. Emulation always works.
 */
import { deferred } from "../../lib/deferred.ts";
import { access, constants, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { cacheDirectory, workInCache } from "../../image/packages/cache.ts";
import { machineArchitecture, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { efiSection } from "../../lib/efi/efi-sections.ts";
import { isFailure, systemErrorCode } from "../../lib/failure.ts";
import { isPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { say } from "../../lib/progress.ts";
import { readRecord } from "../../lib/files/record.ts";
import { waitForLine } from "./console.ts";
import { machinesDirectory } from "../machine-files.ts";
import { bootId, kill } from "../process-identity.ts";
import { files, type Accelerator } from "./qemu.ts";
import { startQemu } from "./qemu-process.ts";

/** A kernel under KVM gets there in less than two seconds. */
const proofTimeoutMs = 15_000;

/** The last line of a kernel without a root. */
const reachedTheEnd = /Kernel panic - not syncing: VFS: Unable to mount root fs/;

const remembered = z.object({ bootId: z.string(), accelerator: z.enum(["tcg", "kvm"]) });

/** Keeps the answer until this computer boots again. */
const memory = join(machinesDirectory, "accelerator.json");

/**
 * KVM when the image's own kernel was seen to boot with it. The kernel is in the unified image that the builder puts
 * beside the disk image; without one there is no proof.
 */
export async function chooseAccelerator(tools: ToolsRoot, image: string, signal: AbortSignal): Promise<Accelerator> {
  const answer = await recall();
  if (answer?.bootId === (await bootId())) return answer.accelerator;
  const unified = image.replace(/\.img$/, ".efi");
  if (unified === image || !(await isPresent(unified))) return "tcg";
  const accelerator = (await kvmOpens()) && (await kvmBoots(tools, unified, signal)) ? "kvm" : "tcg";
  await mkdir(machinesDirectory, { recursive: true });
  await writeFileAtomic(memory, `${JSON.stringify({ bootId: await bootId(), accelerator })}\n`);
  return accelerator;
}

/** What is damaged is found out again. */
async function recall(): Promise<z.infer<typeof remembered> | undefined> {
  try {
    return await readRecord(memory, remembered, "remove it");
  } catch (error) {
    if (isFailure(error, "damaged-record")) return undefined;
    throw error;
  }
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

async function kvmBoots(tools: ToolsRoot, unified: string, signal: AbortSignal): Promise<boolean> {
  await using work = await workInCache(cacheDirectory());
  const directory = work.path;
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(proofTimeoutMs)]);
  try {
    say("trying whether KVM boots a kernel here");
    const kernel = join(directory, "kernel");
    await writeFile(kernel, efiSection(await readFile(unified), ".linux", unified));
    const qemu = await startQemu(
      tools,
      directory,
      {
        name: "kvm-proof",
        architecture: machineArchitecture(),
        accelerator: "kvm",
        cpus: 1,
        memoryMiB: 512,
        boot: { kind: "kernel", kernel, commandLine: "console=ttyS0 panic=0" },
        disks: [],
        forwards: [],
        extraCards: 0,
        shell: false,
      },
      { reads: [], outlivesUs: false, signal: inTime },
    );
    await using _end = deferred(async () => {
      await kill(qemu.process);
    });
    await waitForLine(join(directory, files.consoleLog), reachedTheEnd, { signal: inTime });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (inTime.aborted || isFailure(error, "qemu-failed", "qmp-failed")) return false;
    throw error;
  }
}
