/**
 * The installer, top to bottom: it runs from memory, as the only program of a machine that was started from a medium or the
 * network. Nothing is erased before all that is needed was found, and a disk starts only with the image's own bytes.
 */
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { machineClock } from "../lib/clock.ts";
import { explain, Failure } from "../lib/failure.ts";
import { partsOf } from "../lib/files/read-to-end.ts";
import { formatBytes } from "../lib/progress.ts";
import { ask, run } from "../lib/program/process.ts";
import { parseJson } from "../lib/text/json.ts";
import { isSecureBootOn, startFromDisk } from "./boot-entry.ts";
import { openConsoles } from "./consoles.ts";
import { chooseDisk, describeDisk, type InstallDisk, parseDiskRule } from "./disk-rule.ts";
import { entryOf } from "../lib/partition-table.ts";
import { deviceOfVolume, disksOf } from "./disks.ts";
import { downloaded } from "./download.ts";
import { configureNetwork, mounted } from "./machine.ts";
import { type ImageSource, installOrder, type InstallOrder, orderPath } from "./order.ts";
import { findUserData, placeUserData } from "./user-data.ts";
import { withWords } from "./words.ts";
import { headBytes, writeHead, writeImage } from "./write-image.ts";

/** Disks of large machines take as long until the kernel has found all. */
const settleMs = 10_000;
const mediumMs = 60_000;
const reportMs = 5_000;
const variables = "/sys/firmware/efi/efivars";

const say = await openConsoles();
try {
  const order = await readOrder();
  await install(order);
  await end(order.afterwards);
} catch (error) {
  say(explain(error));
  say("nothing goes on here; switch the machine off and on to try again");
  await machineClock.sleep(Number.MAX_SAFE_INTEGER);
}

async function readOrder(): Promise<InstallOrder> {
  const order = installOrder.parse(parseJson(await readFile(orderPath, "utf8")));
  return withWords(order, await readFile("/proc/cmdline", "utf8"));
}

async function install(order: InstallOrder): Promise<void> {
  const { image, replace } = order;
  say(`this installs ${image.name}; ${await openVariables()}`);
  const medium = order.source.kind === "medium" ? await mediumOf(order.source.volume) : undefined;
  await machineClock.sleep(settleMs);
  const disks = await disksOf("/sys", medium);
  const choice = chooseDisk(disks, parseDiskRule(order.disk), { imageBytes: image.bytes, replace });
  if (choice.kind === "none") throw new Failure("no-disk", `cannot choose a disk: ${choice.reason}`);
  if (choice.kind === "installed") {
    say(`${describeDisk(choice.disk)} has an installation, which starts now; orlop.replace=yes or --replace erases it`);
    await startNext(choice.disk.path);
    return;
  }
  const { disk } = choice;
  const needsNetwork = order.source.kind === "network" || order.userData.kind === "url";
  const card = needsNetwork ? await configureNetwork(say) : undefined;
  const userData = await findUserData(order.userData, card, say);
  await countDown(disk, order.countdownSeconds);

  const zero = async (offset: number, bytes: number): Promise<void> =>
    void (await run(["blkdiscard", "--zeroout", "--offset", String(offset), "--length", String(bytes), disk.path]));
  const target = { path: disk.path, bytes: disk.bytes, zero };
  const head = await writeImage(target, packedImage(order.source, medium), image, reporter(image.bytes));
  say("the disk was read back, and holds what was signed");
  if (userData !== undefined) await placeUserData(disk.path, head, userData);
  await writeHead(disk.path, head);
  await startNext(disk.path);
  say(`installed ${image.name} on ${disk.path}`);
}

async function mediumOf(volume: string): Promise<string> {
  for (const endMs = machineClock.elapsedMs() + mediumMs; machineClock.elapsedMs() < endMs;) {
    const device = await deviceOfVolume(volume);
    if (device !== undefined) return device;
    await machineClock.sleep(500);
  }
  throw new Failure("no-medium", `cannot find the medium: no device has the volume ${volume}`);
}

async function* packedImage(source: ImageSource, medium: string | undefined): AsyncGenerator<Uint8Array> {
  if (source.kind === "network") {
    yield* downloaded(source.url, { clock: machineClock, retries: say });
    return;
  }
  if (medium === undefined) throw new Failure("no-medium", "cannot read the image: there is no medium");
  await using mount = await mounted(medium, "iso9660");
  await using file = await open(join(mount.directory, source.file), "r");
  yield* partsOf(file);
}

/** What will be lost, and how long there is to switch the machine off. */
async function countDown(disk: InstallDisk, seconds: number): Promise<void> {
  say(`ERASES ${describeDisk(disk)}`);
  for (const { name, label, bytes } of disk.partitions) say(`  with ${name} ${label} (${formatBytes(bytes)})`);
  for (let left = seconds; left > 0; left--) {
    if (left === seconds || left <= 5 || left % 10 === 0) say(`  in ${left} s; switch the machine off to keep it`);
    await machineClock.sleep(1_000);
  }
}

function reporter(total: number): (bytes: number) => void {
  let saidMs = machineClock.elapsedMs();
  return (bytes) => {
    if (machineClock.elapsedMs() - saidMs < reportMs && bytes < total) return;
    saidMs = machineClock.elapsedMs();
    say(`wrote ${formatBytes(bytes)} of ${formatBytes(total)}`);
  };
}

/** What the firmware says of Secure Boot. */
async function openVariables(): Promise<string> {
  const { exitCode } = await ask(["mount", "-t", "efivarfs", "efivarfs", variables]);
  if (exitCode !== 0) return "the firmware has no variables";
  return (await isSecureBootOn(variables)) ? "Secure Boot is on" : "Secure Boot is off";
}

/** A firmware that keeps no variables chooses by itself what it starts. */
async function startNext(disk: string): Promise<void> {
  const head = Buffer.alloc(headBytes);
  {
    await using file = await open(disk, "r");
    await file.read(head, 0, head.length, 0);
  }
  if ((await readdir(variables)).length > 0) await startFromDisk(variables, entryOf(head, "ORLOP-ESP"));
}

async function end(how: InstallOrder["afterwards"]): Promise<void> {
  say(how === "reboot" ? "rebooting" : "switching off");
  await ask(["umount", variables]);
  await run([how === "reboot" ? "reboot" : "poweroff"]);
  await machineClock.sleep(Number.MAX_SAFE_INTEGER);
}
