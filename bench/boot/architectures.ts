/**
 * What a machine of aarch64 takes for its boots and for an update, beside one of x86-64 that has the same packages.
 *
 * On a computer of x86-64 both are emulated: this tells how long people wait who try them in QEMU, and nothing of hardware.
 */
import { machineArchitecture } from "../../image/packages/tools-root.ts";
import { say } from "../../lib/progress.ts";
import { newer, PublishedImages } from "../../test/real/vm/published-images.ts";
import { TestHost } from "../../test/real/vm/test-host.ts";
import { UpdatingHost } from "../../test/real/vm/updating-host.ts";
import type { Architecture } from "../../variants/variant.ts";
import { processorSeconds } from "../guests.ts";
import { computer, type BenchReport, type Figure } from "../report.ts";
import { writeUpdate } from "../update/write-update.ts";
import { bootOurs, size } from "./our-boot.ts";

/** Seconds, by the name of the row. */
type Measured = ReadonlyMap<string, number>;
type Measure = (updating: UpdatingHost, signal: AbortSignal) => Promise<Measured>;

/** In the order in which a machine lives through them. */
const measures: Readonly<Record<string, Measure>> = {
  "first boot": async ({ host }, signal) => await measureBoot("first boot", host, signal),
  "later boot": async ({ host }, signal) => await measureBoot("later boot", host, signal),
  update: measureUpdate,
};

export async function benchArchitectures(signal: AbortSignal): Promise<BenchReport> {
  using published = await imagesOf("aarch64");
  using publishedPeer = await imagesOf("x86_64");
  await using ours = await machineOf("aarch64", published);
  await using peer = await machineOf("x86_64", publishedPeer);
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(measures)) {
    const measured = await shown(`${name} of aarch64`, measure(ours, signal));
    const beside = await shown(`${name} of x86_64`, measure(peer, signal));
    for (const [row, seconds] of measured) {
      figures.push({ name: row, unit: "seconds", ours: seconds, peer: beside.get(row) ?? Number.NaN });
    }
  }
  return {
    benchmark: "architectures",
    ours: "the dev image for aarch64, by its firmware and systemd-boot",
    peer: "the dev image for x86_64, of the same lock",
    figures,
    notes: [
      "one run, in turns; a first boot makes its data partition and reads user data",
      "processor time is that of QEMU: of a boot until multi-user.target, with firmware and boot loader",
      "an update is looked for, fetched, written, read back and verified; then the host reboots and proves healthy",
      `QEMU without KVM on ${machineArchitecture()}, ${size.cpus} processors, ${size.memoryMiB} MiB: both are emulated`,
    ],
    computer: computer(),
  };
}

/** What a run that is ended early has measured is not lost. */
async function shown(label: string, work: Promise<Measured>): Promise<Measured> {
  say(label);
  const measured = await work;
  for (const [row, seconds] of measured) say(`${label}: ${row}: ${seconds.toFixed(2)} s`);
  return measured;
}

const imagesOf = async (architecture: Architecture): Promise<PublishedImages> =>
  await PublishedImages.open(`bench-${architecture}`, "dev", { architecture });

async function machineOf(architecture: Architecture, published: PublishedImages): Promise<UpdatingHost> {
  const { image } = published.images.older;
  const hardware = { architecture, image, ...size };
  return new UpdatingHost(
    await TestHost.make(`bench-${architecture}`, { ...hardware, userData: published.userData() }),
  );
}

async function measureBoot(name: string, { machine }: TestHost, signal: AbortSignal): Promise<Measured> {
  const { boot } = await bootOurs(machine, signal);
  return new Map([
    [`${name}, kernel to init of the real root`, boot.userspace],
    [`${name}, kernel to API answering`, boot.api],
    [`${name}, kernel to configured.target`, boot.configured],
    [`${name}, kernel to multi-user.target`, boot.multiUser],
    [`${name}, processor time`, boot.processor],
  ]);
}

async function measureUpdate(updating: UpdatingHost): Promise<Measured> {
  const { host } = updating;
  await host.switchOn();
  await host.untilConfigured();
  const write = await writeUpdate(updating, newer);
  await updating.activate();
  const { pid } = host.running.record.process;
  const [startedMs, before] = [performance.now(), await processorSeconds(pid)];
  await host.reboot();
  const version = await updating.proved();
  if (version !== newer) throw new Error(`the host proved ${version}, and was to run ${newer}`);
  const seconds = (performance.now() - startedMs) / 1000;
  const processor = (await processorSeconds(pid)) - before;
  // The next one has the computer for itself.
  await host.cutPower();
  return new Map([
    ["update, until it is written and verified", write.seconds],
    ["update, processor time of that", write.processor],
    ["update, from the reboot until it is proved healthy", seconds],
    ["update, processor time of that reboot", processor],
  ]);
}
