/**
 * `/etc` of a host is a tmpfs that starts as a copy of `/usr/share/factory/etc` at every boot (the initrd copies it)
 * and gets the rest from hostd. Here the factory copy is made: of what packages bring, only the files named below.
 */
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { walk } from "./tree.ts";

export const factoryDirectory = "usr/share/factory/etc";

/** Configuration of packages that programs of a host read; everything else in `/etc` is ours or rendered. */
const wanted: readonly string[] = ["group", "mke2fs.conf", "pki/**", "passwd", "protocols", "services", "ssl/**"];

/** What people who look inside expect to work. */
const wantedInteractive: readonly string[] = [
  "bash.bashrc",
  "profile",
  "profile.d/**",
  "inputrc",
  "vim/**",
  "xattr.conf",
];

const links: Readonly<Record<string, string>> = {
  localtime: "../usr/share/zoneinfo/UTC",
  mtab: "../proc/self/mounts",
  "os-release": "../usr/lib/os-release",
  // hostd renders a file here when settings.dns is set.
  "resolv.conf": "../run/systemd/resolve/stub-resolv.conf",
};

/**
 * Moves `/etc` of the root to its factory place and leaves `/etc` empty.
 *
 * @param own paths below `/etc` that `os/etc` brought; all of them stay
 */
export async function makeFactory(
  root: string,
  { own, interactive }: { own: readonly string[]; interactive: boolean },
): Promise<void> {
  const keep = new Set(own);
  const patterns = [...wanted, ...(interactive ? wantedInteractive : [])].map((text) => new Bun.Glob(text));
  const factory = join(root, factoryDirectory);
  await rm(factory, { recursive: true, force: true });
  for (const { path, type } of await walk(join(root, "etc"))) {
    if (type === "directory") continue;
    if (!keep.has(path) && !patterns.some((pattern) => pattern.match(path))) continue;
    await mkdir(dirname(join(factory, path)), { recursive: true });
    await rename(join(root, "etc", path), join(factory, path));
  }
  for (const [path, target] of Object.entries(links)) {
    await rm(join(factory, path), { force: true });
    await symlink(target, join(factory, path));
  }
  // Present and empty: systemd makes the id of this machine, and does not take this for a first boot.
  await writeFile(join(factory, "machine-id"), "");
  await rm(join(root, "etc"), { recursive: true });
  await mkdir(join(root, "etc"));
}
