/**
 * How long a boot takes, from the start of the kernel, by the guest's own clock.
 *
 * OurBoot is the `dev` image; the peer is stock Debian 13 with systemd and containerd; the limit is the image's kernel with
 * an init that only prints. All under the same QEMU with the same processors and memory, one after the other in turns,
 * so that what else this computer does hits all of them.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BootTimeline } from "../../api/machine-view.ts";
import { builtImage } from "../../cli/image/built-image.ts";
import { buildDirectory } from "../../cli/context.ts";
import { openToolsRoot, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { efiSection } from "../../lib/efi/efi-sections.ts";
import { say } from "../../lib/progress.ts";
import { waitForLine } from "../../vm/qemu/console.ts";
import { files } from "../../vm/qemu/qemu.ts";
import { bootTimeoutMs, inTime, processorSeconds, reachedAt, startDebian, startGuest } from "../guests.ts";
import { bootOurs, ourMachine, size, userspaceStart, type OurBoot } from "./our-boot.ts";
import { computer, median, type BenchReport, type Figure } from "../report.ts";
import { makeStockDebian, type StockDebian } from "../stock-debian.ts";
import { tinyInitramfs, words } from "./tiny-init.ts";

const rounds = 3;
const toAttack = 3;

type Theirs = { userspace: number; multiUser: number; processor: number };
type Kind = "first" | "later";

/** Of multi-user.target of the peer. */
const goals: Readonly<Record<Kind, { api: number; multiUser: number }>> = {
  first: { api: 0.45, multiUser: 0.65 },
  later: { api: 0.4, multiUser: 0.6 },
};

export async function benchBoot(signal: AbortSignal): Promise<BenchReport> {
  const tools = await openToolsRoot();
  const { image, manifest } = await builtImage({ variant: "dev", architecture: "x86_64" }, signal);
  const directory = join(buildDirectory, "bench");
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  try {
    say("making a stock Debian");
    const debian = await makeStockDebian(tools, join(directory, "debian"), signal);
    const kernel = join(directory, "kernel");
    const unified = join(buildDirectory, manifest.unifiedImage.name);
    await writeFile(kernel, efiSection(await readFile(unified), ".linux", unified));
    const ours: Record<Kind, OurBoot[]> = { first: [], later: [] };
    const [theirs, least, timelines]: [Theirs[], number[], BootTimeline[]] = [[], [], []];
    for (let round = 1; round <= rounds; round++) {
      say(`round ${round} of ${rounds}`);
      const machine = await ourMachine(image, join(directory, "ours"));
      for (const kind of ["first", "later"] as const) {
        const { boot, timeline } = await bootOurs(machine, signal);
        ours[kind].push(boot);
        if (kind === "later") timelines.push(timeline);
      }
      theirs.push(await bootDebian(tools, debian, join(directory, "theirs"), signal));
      least.push(await bootLeast(tools, kernel, join(directory, "least"), signal));
    }
    return report(ours, theirs, least, timelines);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function report(
  ours: Readonly<Record<Kind, readonly OurBoot[]>>,
  theirs: readonly Theirs[],
  least: readonly number[],
  timelines: readonly BootTimeline[],
): BenchReport {
  const their = (name: keyof Theirs): number => median(theirs.map((boot) => boot[name]));
  const limit = median(least);
  const peer = their("multiUser");
  const figures = (["first", "later"] as const).flatMap((kind): Figure[] => {
    const our = (name: keyof OurBoot): number => median(ours[kind].map((boot) => boot[name]));
    const row = (name: string, value: number): Figure => ({
      name: `${kind} boot, kernel to ${name}`,
      unit: "seconds",
      ours: value,
      peer,
      limit,
    });
    return [
      { ...row("init of the real root", our("userspace")), peer: their("userspace") },
      { ...row("API answering", our("api")), goal: { beside: "peer", atMost: goals[kind].api } },
      row("configured.target", our("configured")),
      { ...row("multi-user.target", our("multiUser")), goal: { beside: "peer", atMost: goals[kind].multiUser } },
      {
        name: `${kind} boot, processor time of QEMU`,
        unit: "seconds",
        ours: our("processor"),
        peer: their("processor"),
      },
    ];
  });
  return {
    benchmark: "boot",
    ours: "the dev image, by firmware and systemd-boot",
    peer: "stock Debian 13 with systemd and containerd, started by QEMU; multi-user.target unless the row says otherwise",
    limit: "our kernel with an init that only prints",
    figures,
    notes: [
      `medians of ${rounds} boots each, in turns; a first boot makes its data partition and reads user data`,
      "processor time is until multi-user.target, with firmware and boot loader, which the peer's boot has not",
      ...whereTimeGoes(timelines),
      `QEMU without KVM, ${size.cpus} processors, ${size.memoryMiB} MiB`,
    ],
    computer: computer(),
  };
}

/** What a later boot waited for, one after the other, in the boot that took the median time, and what of it took longest. */
function whereTimeGoes(timelines: readonly BootTimeline[]): string[] {
  const ends = timelines.map(({ finishedSeconds }) => finishedSeconds ?? 0);
  const usual = timelines[ends.indexOf(median(ends))];
  if (usual === undefined) return [];
  const seconds = ({ name, tookSeconds = 0 }: { name: string; tookSeconds?: number }): string =>
    `${name} ${tookSeconds.toFixed(2)} s`;
  const waitedFor = usual.criticalPath.flatMap((name) => usual.units.find((unit) => unit.name === name) ?? []);
  const parts = [...usual.phases.filter(({ name }) => name === "kernel" || name === "initrd"), ...waitedFor];
  const longest = parts.toSorted((a, b) => (b.tookSeconds ?? 0) - (a.tookSeconds ?? 0)).slice(0, toAttack);
  return [
    `a later boot waited for: ${parts
      .filter(({ tookSeconds = 0 }) => tookSeconds >= 0.05)
      .map(seconds)
      .join(", ")}`,
    `longest: ${longest.map(seconds).join(", ")}`,
  ];
}

async function bootDebian(
  tools: ToolsRoot,
  debian: StockDebian,
  directory: string,
  signal: AbortSignal,
): Promise<Theirs> {
  await using guest = await startDebian(tools, debian, directory, size, signal);
  const { shell } = guest;
  await shell.run("systemctl start --quiet multi-user.target", bootTimeoutMs);
  const processor = await processorSeconds(guest.pid);
  await shell.try("systemctl is-system-running --wait", bootTimeoutMs);
  const found = {
    userspace: await userspaceStart(shell),
    multiUser: await reachedAt(shell, "multi-user.target"),
    processor,
  };
  await shell.run("sync"); // the next round boots the same disk
  return found;
}

async function bootLeast(tools: ToolsRoot, kernel: string, directory: string, signal: AbortSignal): Promise<number> {
  await mkdir(directory, { recursive: true });
  const initrd = join(directory, "tiny.cpio");
  await writeFile(initrd, tinyInitramfs());
  const commandLine = "console=ttyS0 loglevel=4";
  await using running = await startGuest(tools, directory, size, signal, {
    boot: { kind: "kernel", kernel, initrd, commandLine },
    disks: [],
    shell: false,
  });
  const line = new RegExp(`^\\[ *([\\d.]+)\\] ${words}`);
  const [, seconds] = await waitForLine(join(running.directory, files.consoleLog), line, { signal: inTime(signal) });
  return Number(seconds);
}
