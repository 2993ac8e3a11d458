/**
 * Packages in, root directory out: what maintainer scripts and an installer would do, done visibly and without them.
 */
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { Variant } from "../../variants/variant.ts";
import type { Lock, LockedPackage } from "../packages/lock.ts";
import { packagesOf } from "../packages/lock.ts";
import { fetchPackages } from "../packages/fetch.ts";
import type { ToolsRoot } from "../packages/tools-root.ts";
import type { Entry } from "../packages/debian/tar-listing.ts";
import { unpackAll } from "../packages/unpack.ts";
import { unread } from "../packages/unread.ts";
import { makeAccounts } from "./accounts.ts";
import { type ExecutableGroup, hostExecutables, neverExecutables, someExecutables } from "./executable-groups.ts";
import { executablesIn, formatGolden, keepOnly, unfitExecutables } from "./executables.ts";
import { makeFactory } from "./factory.ts";
import { settleKernel } from "./kernel-modules.ts";
import { osFiles, partsOf, placeOsContent } from "./os-content.ts";
import { walk } from "./tree.ts";
import { placePauseImage } from "../oci/pause-image.ts";
import { type MadeProgram, placeProgram } from "../recipes/programs.ts";
import { linkAlternatives } from "./alternatives.ts";
import { makeTrustStore } from "./trust-store.ts";
import { enableUnits, pruneUnits, unitNames } from "./units.ts";

/** Never unpacked. */
const excluded: readonly string[] = [
  ...unread,
  "etc/alternatives",
  "etc/logcheck",
  "etc/modprobe.d/mdadm.conf",
  "usr/lib/kernel",
  "usr/lib/pcrlock.d",
  "usr/lib/python3",
  "usr/lib/systemd/boot/efi/linux*",
  "usr/lib/systemd/boot/efi/systemd-boot*",
  "usr/lib/systemd/catalog",
  // Logins, homes, displays, and directories that a read-only root cannot get.
  "usr/lib/tmpfiles.d/20-systemd-shell-extra.conf",
  "usr/lib/tmpfiles.d/20-systemd-ssh-generator.conf",
  "usr/lib/tmpfiles.d/credstore.conf",
  "usr/lib/tmpfiles.d/debian.conf",
  "usr/lib/tmpfiles.d/home.conf",
  "usr/lib/tmpfiles.d/legacy.conf",
  "usr/lib/tmpfiles.d/passwd.conf",
  "usr/lib/tmpfiles.d/provision.conf",
  "usr/lib/tmpfiles.d/x11.conf",
  "usr/lib/udev/hwdb.d",
  // An array is put together when somebody asks for it, and not because a disk says that it belongs to one.
  "usr/lib/udev/rules.d/64-md-raid-assembly.rules",
  "usr/libexec/xfsprogs",
  "usr/lib/systemd/system-shutdown/mdadm.shutdown",
  "usr/sbin/fsck.xfs",
  "usr/sbin/mdmon",
  "usr/sbin/xfs_*",
  "usr/share/applications",
  "usr/share/fish",
  "usr/share/mdadm",
  "usr/share/pixmaps",
  "usr/share/polkit-1",
  "usr/share/xfsprogs",
  "usr/share/xml",
  "usr/share/zsh",
  // The clock of a host is UTC; leap seconds are what chrony reads.
  "usr/share/zoneinfo/[A-TV-Z]*",
  "usr/share/zoneinfo/posix",
  "usr/share/zoneinfo/right",
];

/** Mount points and directories that the running system expects; all else lies below them. */
const directories: Readonly<Record<string, number>> = {
  dev: 0o755,
  efi: 0o755,
  etc: 0o755,
  home: 0o755,
  local: 0o755,
  mnt: 0o755,
  opt: 0o755,
  proc: 0o555,
  root: 0o700,
  run: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  var: 0o755,
};

export type RootPackages = { host: readonly LockedPackage[]; variant: readonly LockedPackage[] };

/** The packages of a variant's root: those every host has with the kernel, and those of the variant alone. */
export function rootPackages(lock: Lock, variant: Variant): RootPackages {
  const host = packagesOf(lock, ["base", `kernel-${variant.kernel}`]);
  const known = new Set(host.map(({ name }) => name));
  const own = variant.packages.length === 0 ? [] : packagesOf(lock, [variant.name]);
  return { host, variant: own.filter(({ name }) => !known.has(name)) };
}

/** A program that a recipe made, and the path in the root where it goes. */
export type PlacedProgram = MadeProgram & { place: string };

export type RootInputs = {
  tools: ToolsRoot;
  lock: Lock;
  variant: Variant;
  epochSeconds: number;
  programs: readonly PlacedProgram[];
  /** The archive of the image that every pod starts from, for nodes of Kubernetes. */
  pauseImage?: string;
  /** Names of links to the host's executable. */
  hostNames: readonly string[];
  mirror?: string;
  cache?: string;
  signal?: AbortSignal;
};

/**
 * Makes `directory/root`, the kernel beside it as `directory/kernel`, and the list of executables as
 * `directory/executables.golden`. The host's executable and os-release are not in it: they change with every build.
 */
export async function makeRoot(directory: string, inputs: RootInputs): Promise<void> {
  const { tools, lock, variant, epochSeconds } = inputs;
  const root = join(directory, "root");
  await mkdir(root);
  const packages = rootPackages(lock, variant);
  const brought = await unpack(root, packages, inputs);
  const files = await osFiles(partsOf(variant));
  for (const { place, path } of inputs.programs) await placeProgram(path, join(root, place));

  const groups = [
    ...executableGroups(variant, packages, brought),
    ...inputs.programs.map(({ place, recipe }) => ({ reason: `made by the recipe ${recipe.name}`, paths: [place] })),
    { reason: "what update-alternatives would have linked", paths: await linkAlternatives(root) },
  ];
  await keepOnly(root, groups);
  await pruneUnits(root);
  await placeOsContent(root, files);
  if (inputs.pauseImage !== undefined) await placePauseImage(inputs.pauseImage, root);
  await settleKernel(tools, root, join(directory, "kernel"));
  await makeAccounts(tools, root, epochSeconds);
  await makeTrustStore(root);
  await enableUnits(tools, root, unitNames(files.map(({ path }) => path)));
  const ownFiles = files.filter(({ path }) => path.startsWith("etc/")).map(({ path }) => path.slice("etc/".length));
  await makeFactory(root, { own: ownFiles, interactive: variant.interactive });
  await makeDirectories(root);
  await removeSetUid(root);

  const problems = await unfitExecutables(root, { scripts: variant.interactive });
  if (problems.length > 0) throw new Failure("unfit-root", `cannot use this root: ${problems.join("; ")}`);
  const own = ownExecutables(inputs.hostNames);
  const executables = [...executablesIn(await walk(root)), ...own.paths];
  await writeFile(join(directory, "executables.golden"), formatGolden(executables, [...groups, own]));
}

async function unpack(
  root: string,
  { host, variant }: RootPackages,
  { signal, mirror, cache }: RootInputs,
): Promise<Map<string, Entry[]>> {
  const packages = [...host, ...variant];
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(mirror === undefined ? {} : { mirror }),
    ...(cache === undefined ? {} : { cache }),
  };
  const downloads = await fetchPackages(packages, options);
  const debs = packages.map(({ name, sha256 }) => ({ name, file: downloads.get(sha256) ?? "" }));
  return unpackAll(debs, root, { says: "unpacking the root", exclude: excluded, ...options });
}

/** Reasons for every program: a table for hosts; in interactive variants also each package that a person asked for. */
function executableGroups(
  variant: Variant,
  packages: RootPackages,
  brought: ReadonlyMap<string, readonly Entry[]>,
): ExecutableGroup[] {
  if (!variant.interactive) {
    const ofVariant = packages.variant.map(({ name }) => ({
      reason: name,
      paths:
        someExecutables[name] ?? programsOf(brought.get(name) ?? []).filter((path) => !neverExecutables.includes(path)),
    }));
    return [...hostExecutables, ...ofVariant.filter(({ paths }) => paths.length > 0)];
  }
  const taken = new Set([...hostExecutables.flatMap(({ paths }) => paths), ...neverExecutables]);
  const rest = [...packages.host, ...packages.variant].map(({ name }) => ({
    reason: `for people who look inside: ${name}`,
    paths: programsOf(brought.get(name) ?? []).filter((path) => !taken.has(path)),
  }));
  return [...hostExecutables, ...rest.filter(({ paths }) => paths.length > 0)];
}

function programsOf(entries: readonly Entry[]): string[] {
  return executablesIn(
    entries.map(({ path, type, permissions, bytes }) => ({
      path: path.replace(/^(bin|sbin|lib|lib64)\//, "usr/$1/"),
      type: type === "hardlink" ? "file" : type === "device" ? "other" : type,
      mode: /x|s/.test(permissions) ? 0o755 : 0o644,
      bytes,
    })),
  );
}

/** The host's own programs, which are laid into the root later. */
export function ownExecutables(names: readonly string[]): ExecutableGroup {
  return {
    reason: "the host itself: one executable, known by several names",
    paths: names.map((name) => `usr/bin/${name}`),
  };
}

async function makeDirectories(root: string): Promise<void> {
  for (const { path, type } of await walk(root)) {
    const first = path.split("/", 1)[0] ?? "";
    // A package's /var and the like would be hidden by the mounts that come there.
    if (type === "directory" && path === first && first in directories) await rm(join(root, path), { recursive: true });
  }
  for (const [name, mode] of Object.entries(directories)) {
    await mkdir(join(root, name), { recursive: true });
    await chmod(join(root, name), mode);
  }
}

/** Without logins there is nobody to become somebody else. */
async function removeSetUid(root: string): Promise<void> {
  for (const { path, type, mode } of await walk(root)) {
    if (type === "file" && (mode & 0o6000) !== 0) await chmod(join(root, path), mode & 0o777);
  }
}
