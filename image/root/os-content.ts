/** Lays the OS content of `os/` into a root: units, users, temporary files, kernel parameters, network defaults. */
import { chmod, copyFile, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { defined } from "../../lib/defined.ts";
import { Failure } from "../../lib/failure.ts";
import { namesIn } from "../../lib/files/files.ts";
import { type InputFile, inputFile } from "../inputs.ts";
import { wantsContainerd17 } from "../../variants/kubernetes.ts";
import type { Variant } from "../../variants/variant.ts";

export const osDirectory = join(import.meta.dir, "../../os");

/** Where each folder of `os/` goes. Those of `partial` have the same folders again, for some variants. */
const places: Readonly<Record<string, string>> = {
  etc: "etc",
  containerd: "usr/lib/orlop",
  labels: "usr/lib/orlop",
  lockdown: "usr/lib/orlop",
  "modules-load": "usr/lib/modules-load.d",
  network: "usr/lib/systemd/network",
  presets: "usr/lib/systemd/system-preset",
  repart: "usr/lib/orlop/repart",
  sysctl: "usr/lib/sysctl.d",
  systemd: "usr/lib/systemd",
  sysusers: "usr/lib/sysusers.d",
  tmpfiles: "usr/lib/tmpfiles.d",
  udev: "usr/lib/udev/rules.d",
  units: "usr/lib/systemd/system",
};

/** A file of `os/`: where it is there, and where it goes in the root. */
export type OsFile = { source: InputFile; path: string; mode?: number };

/** What is not for all to read: CIS Kubernetes Benchmark 1.8, 4.1.1. */
const modes: Readonly<Record<string, number>> = { "usr/lib/systemd/system/kubelet.service": 0o600 };

/** What goes into the initrd, and what the policy is compiled from (`image/policy/`). */
const elsewhere: readonly string[] = ["initrd", "selinux"];

/** What only some variants have. */
const partial = ["containerd-1.7", "ecs", "interactive", "kubernetes", "locked", "nvidia", "vmware"] as const;

/** The folders of `os/` that a variant has beside those of all. */
export function partsOf({
  interactive,
  orchestrator,
  platform,
  defaults,
  groups,
}: Pick<Variant, "interactive" | "orchestrator" | "platform" | "defaults" | "groups">): OsPart[] {
  const has: Readonly<Record<OsPart, boolean>> = {
    "containerd-1.7": wantsContainerd17({ orchestrator }),
    interactive,
    ecs: orchestrator.kind === "ecs",
    kubernetes: orchestrator.kind === "kubernetes",
    // settings/groups/kernel.ts has integrity as the default.
    locked: defaults.kernel?.lockdown === undefined,
    nvidia: groups.includes("nvidia-container-runtime"),
    vmware: platform === "vmware",
  };
  return partial.filter((part) => has[part]);
}
type OsPart = (typeof partial)[number];

/**
 * The files that a variant gets.
 *
 * @throws {Failure<"unknown-os-folder">} for a folder of `os/` that has no place in a root
 */
export async function osFiles(parts: readonly OsPart[], directory = osDirectory): Promise<OsFile[]> {
  const files: OsFile[] = [];
  for (const base of [directory, ...parts.map((part) => join(directory, part))]) {
    for (const folder of await namesIn(base)) {
      if (elsewhere.includes(folder) || partial.some((part) => part === folder) || folder.endsWith(".md")) continue;
      const place = places[folder];
      if (place === undefined) {
        throw new Failure(
          "unknown-os-folder",
          `cannot place ${join(base, folder)} in a root: no such folder is known`,
          {
            hint: `expected one of ${Object.keys(places).join(", ")}`,
          },
        );
      }
      const entries = await readdir(join(base, folder), { recursive: true, withFileTypes: true });
      for (const entry of entries.filter((item) => item.isFile() && !item.name.endsWith(".ts"))) {
        const source = join(entry.parentPath, entry.name);
        const path = `${place}${source.slice(join(base, folder).length)}`;
        files.push({ source: await inputFile(source), path, ...defined({ mode: modes[path] }) });
      }
    }
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Copies the files, for all to read unless they have a mode of their own, however they lie here; what a package brought at the same path is replaced. */
export async function placeOsContent(root: string, files: readonly OsFile[]): Promise<void> {
  for (const { source, path, mode = 0o644 } of files) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(source.path, target);
    await chmod(target, mode);
  }
}
