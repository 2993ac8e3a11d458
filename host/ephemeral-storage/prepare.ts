/**
 * Makes ephemeral disks usable: several become one array, it gets a file system, is mounted, and directories of the host
 * are bound to it. Each step looks first whether it has been done, so that the same commands run at every boot.
 *
 * Source: Bottlerocket's `apiclient ephemeral-storage`: array of level 0 with chunks of 256 KiB, the label and the
 * directories' names.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { unreachable, Failure } from "../../lib/failure.ts";
import { type Argv, succeeded } from "../../lib/program/process.ts";
import { hostPath, type System } from "../machine/system.ts";
import { ephemeralDisks, type EphemeralStorageRequest } from "./places.ts";

/** Of the array; its device is below /dev/md. */
const arrayName = "ephemeral";
const array = `/dev/md/${arrayName}`;
/** At most 12 characters, for XFS. */
const label = ".ephemeral";
const labelled = `/dev/disk/by-label/${label}`;
const mountPoint = "/mnt/.ephemeral";
/** The largest stripe that the log of XFS can have. */
const chunkKiB = 256;
/** Formatting a large disk discards its blocks. */
const formatMs = 30 * 60_000;

export async function prepareEphemeral(system: System, request: EphemeralStorageRequest): Promise<string> {
  switch (request.kind) {
    case "init":
      return await initialize(system, request);
    case "bind":
      return await bind(system, request.targets);
    default:
      return unreachable(request);
  }
}

async function initialize(
  system: System,
  { disks, filesystem }: Extract<EphemeralStorageRequest, { kind: "init" }>,
): Promise<string> {
  const [only, ...rest] = disks;
  if (only === undefined) return "there are no ephemeral disks";
  const device = rest.length === 0 ? only : await arrayOf(system, disks);
  const present = await typeOf(system, device);
  if (present === "") {
    const quiet = filesystem === "ext4" ? ["-q"] : ["-q", "-K"];
    await system.run([`mkfs.${filesystem}`, ...quiet, "-L", label, device], { limitMs: formatMs });
    // Nobody tells udev that an ephemeral disk has changed (os/udev/90-orlop.rules).
    await system.run(["udevadm", "trigger", "--action=change", device]);
    await system.run(["udevadm", "wait", "--timeout=30", labelled]);
  } else if (present !== filesystem) {
    throw new Failure("disk-in-use", `cannot format ${device} as ${filesystem}: it holds ${present} already`, {
      hint: "a disk is only formatted when there is nothing on it",
    });
  }
  await mountOnce(system, mountPoint, ["--options", "noatime", device, mountPoint]);
  return `${mountPoint} is ${device} with ${filesystem}, ${present === "" ? "made now" : "as it was"}`;
}

/** The array of these disks: the one that runs, the one that they hold, or a new one. */
async function arrayOf(system: System, disks: readonly string[]): Promise<string> {
  if (await isThere(system, array)) return array;
  const types = await Promise.all(disks.map(async (disk) => await typeOf(system, disk)));
  const foreign = disks.find((_, at) => types[at] !== "" && types[at] !== "linux_raid_member");
  if (foreign !== undefined) {
    throw new Failure("disk-in-use", `cannot join ${foreign} to others: it holds ${types[disks.indexOf(foreign)]}`);
  }
  if (types.every((type) => type === "linux_raid_member")) {
    await system.run(["mdadm", "--assemble", "--run", array, ...disks]);
  } else {
    // Its name without a host's, which may change.
    const named = [array, "--name", arrayName, "--homehost=any"];
    const shape = ["--level=0", `--chunk=${chunkKiB}`, `--raid-devices=${disks.length}`];
    await system.run(["mdadm", "--create", "--run", ...named, ...shape, ...disks]);
  }
  await system.run(["udevadm", "wait", "--timeout=30", array]);
  return array;
}

async function bind(system: System, targets: readonly string[]): Promise<string> {
  if (!(await isThere(system, labelled))) {
    const disks = await ephemeralDisks(system);
    if (disks.length === 0) return "there are no ephemeral disks, so nothing is bound";
    const reason = `none of the ephemeral disks is prepared: ${disks.join(", ")}`;
    throw new Failure("no-ephemeral-storage", `cannot bind ${targets.join(", ")}: ${reason}`, {
      hint: "run `apiclient ephemeral-storage init` first",
    });
  }
  await mountOnce(system, mountPoint, ["--options", "noatime", labelled, mountPoint]);
  for (const target of targets) {
    const source = join(mountPoint, `.${target.replaceAll("/", "_")}`);
    await mkdir(hostPath(system, source), { recursive: true });
    await mountOnce(system, target, ["--rbind", source, target]);
    await system.run(["mount", "--make-rshared", target]);
  }
  return `bound to ${mountPoint}: ${targets.join(", ")}`;
}

async function mountOnce(system: System, target: string, options: readonly string[]): Promise<void> {
  await mkdir(hostPath(system, target), { recursive: true });
  if (!(await succeeds(system, ["findmnt", "--noheadings", "--mountpoint", target]))) {
    await system.run(["mount", ...options]);
  }
}

/** See EXIT STATUS in blkid(8). */
const nothingRecognized = 2;

/** What a device holds, as blkid calls it; empty for nothing. */
async function typeOf(system: System, device: string): Promise<string> {
  const probe = ["--probe", "--output=value", "--match-tag=TYPE", "--match-tag=PTTYPE"];
  const argv = ["blkid", ...probe, device] as const;
  const answer = await system.ask(argv);
  return answer.exitCode === nothingRecognized ? "" : succeeded(argv, answer).stdout.trim();
}

const isThere = async (system: System, path: string): Promise<boolean> =>
  await succeeds(system, ["udevadm", "info", "--query=name", path]);

const succeeds = async (system: System, argv: Argv): Promise<boolean> => (await system.ask(argv)).exitCode === 0;
