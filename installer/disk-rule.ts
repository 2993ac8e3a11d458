/** Which disk of a machine an image is written to, and why none. Pure: `disks.ts` looks at the machine. */
import { Failure } from "../lib/failure.ts";
import { formatBytes } from "../lib/progress.ts";

export type InstallDisk = {
  /** "/dev/nvme0n1" */
  path: string;
  bytes: number;
  sectorBytes: number;
  model: string;
  serial: string;
  /** As sysfs has it, empty where the disk has none: "eui.0025388b71b2fd1e". */
  wwid: string;
  removable: boolean;
  readOnly: boolean;
  /** By whom: "is the medium of the installer". */
  inUse: string | undefined;
  partitions: readonly { name: string; label: string; bytes: number }[];
};

const ordered = ["only", "smallest", "largest"] as const;
const properties = ["serial", "model", "wwid"] as const;

export type DiskRule =
  | { kind: (typeof ordered)[number] }
  | { kind: "path"; path: string }
  /** `*` in the pattern stands for any text. */
  | { kind: "like"; property: (typeof properties)[number]; pattern: string };

/**
 * "only", "smallest", "largest", "/dev/NAME", or a property with a pattern: "serial=S3Z*".
 *
 * @throws {Failure<"bad-disk-rule">}
 */
export function parseDiskRule(text: string): DiskRule {
  const kind = ordered.find((name) => name === text);
  if (kind !== undefined) return { kind };
  if (/^\/dev\/[a-z0-9]+$/.test(text)) return { kind: "path", path: text };
  const [, name = "", pattern = ""] = /^(\w+)=(.+)$/.exec(text) ?? [];
  const property = properties.find((known) => known === name);
  if (property !== undefined) return { kind: "like", property, pattern };
  const expected = `${ordered.join(", ")}, /dev/NAME, or a pattern such as ${properties.map((known) => `${known}=*`).join(", ")}`;
  throw new Failure("bad-disk-rule", `cannot choose a disk by "${text}": expected ${expected}`);
}

export type DiskChoice =
  | { kind: "erase"; disk: InstallDisk }
  /** Something to start, and nothing to erase. */
  | { kind: "installed"; disk: InstallDisk }
  | { kind: "none"; reason: string };

/** Every disk of ours has it, and keeps its settings there. */
const privateLabel = "ORLOP-PRIVATE";

/**
 * The disk by the rule. Unless it is to be replaced, an installation on any fixed disk is found first: a machine that starts
 * its installer again, as those that try their network first do each time, keeps what it has.
 *
 * Who may write a whole disk, such as a pod that has one as its volume, may call a partition on it as ours are called. So of two
 * installations none is started, and of a disk that the rule names only the one on it.
 */
export function chooseDisk(
  disks: readonly InstallDisk[],
  rule: DiskRule,
  { imageBytes, replace }: { imageBytes: number; replace: boolean },
): DiskChoice {
  const installed = disks.filter((disk) => isInstalled(disk) && (!disk.removable || matches(disk, rule)));
  if (installed.length > 0 && !replace) return installedOf(installed, rule);
  const objection = (disk: InstallDisk): string | undefined => objectionTo(disk, imageBytes);
  const matching = disks.filter((disk) => matches(disk, rule));
  const usable = matching.filter((disk) => objection(disk) === undefined);
  const [first, second] = sorted(usable, rule);
  if (first === undefined) {
    const reasons = matching.map((disk) => `${describeDisk(disk)} ${objection(disk)}`);
    if (reasons.length > 0) return { kind: "none", reason: reasons.join("; ") };
    return { kind: "none", reason: `no disk is ${describeRule(rule)}; there are ${listed(disks)}` };
  }
  if (second !== undefined && rule.kind !== "smallest" && rule.kind !== "largest") {
    return { kind: "none", reason: `more than one disk is ${describeRule(rule)}: ${listed(usable)}` };
  }
  return { kind: "erase", disk: first };
}

function installedOf(installed: readonly InstallDisk[], rule: DiskRule): DiskChoice {
  const isNamed = rule.kind === "path" || rule.kind === "like";
  const meant = isNamed ? installed.filter((disk) => matches(disk, rule)) : installed;
  const [first, second] = meant;
  if (first !== undefined && second === undefined) return { kind: "installed", disk: first };
  if (first !== undefined) return { kind: "none", reason: `more than one disk has an installation: ${listed(meant)}` };
  return { kind: "none", reason: `${listed(installed)} has an installation, and is not ${describeRule(rule)}` };
}

const isInstalled = ({ partitions }: InstallDisk): boolean => partitions.some(({ label }) => label === privateLabel);

/** Media that people carry are chosen by name only. */
function matches(disk: InstallDisk, rule: DiskRule): boolean {
  switch (rule.kind) {
    case "path":
      return disk.path === rule.path;
    case "like":
      return pattern(rule.pattern).test(disk[rule.property]);
    case "only":
    case "smallest":
    case "largest":
      return !disk.removable;
  }
}

function sorted(disks: readonly InstallDisk[], { kind }: DiskRule): InstallDisk[] {
  const sign = kind === "largest" ? -1 : 1;
  return disks.toSorted((a, b) => sign * (a.bytes - b.bytes) || (a.path < b.path ? -1 : 1));
}

function objectionTo({ bytes, sectorBytes, readOnly, inUse }: InstallDisk, imageBytes: number): string | undefined {
  if (inUse !== undefined) return `is in use: it ${inUse}`;
  if (readOnly) return "can only be read";
  if (sectorBytes !== 512) return `has sectors of ${sectorBytes} bytes, the image is for 512`;
  if (bytes < imageBytes) return `is too small: the image needs ${formatBytes(imageBytes)}`;
  return undefined;
}

export function describeDisk({ path, bytes, model, serial }: InstallDisk): string {
  const words = [path, formatBytes(bytes), model, serial === "" ? "" : `serial ${serial}`];
  return words.filter((word) => word !== "").join(", ");
}

function describeRule(rule: DiskRule): string {
  switch (rule.kind) {
    case "path":
      return rule.path;
    case "like":
      return `of ${rule.property} ${rule.pattern}`;
    case "only":
    case "smallest":
    case "largest":
      return "fixed";
  }
}

function listed(disks: readonly InstallDisk[]): string {
  return disks.map((disk) => describeDisk(disk)).join("; ") || "none";
}

function pattern(text: string): RegExp {
  return new RegExp(
    `^${text
      .split("*")
      .map((part) => RegExp.escape(part))
      .join(".*")}$`,
  );
}
