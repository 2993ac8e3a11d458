/**
 * The kernel modules of a root: what the platform plausibly needs, uncompressed, with the index that modprobe reads.
 *
 * Uncompressed because the file system compresses anyway, and xz is slow to read at boot. Signatures stay valid: they
 * cover the uncompressed module.
 */
import { readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { Failure, systemErrorCode } from "../../lib/failure.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { walk } from "./tree.ts";

/** Hardware and protocols that no container host has; paths below `kernel/`. */
const unwanted: readonly string[] = [
  "drivers/accel",
  "drivers/accessibility",
  "drivers/atm",
  "drivers/auxdisplay",
  "drivers/bluetooth",
  "drivers/comedi",
  "drivers/firewire",
  "drivers/gpu",
  "drivers/greybus",
  "drivers/iio",
  "drivers/input/joystick",
  "drivers/input/misc",
  "drivers/input/mouse",
  "drivers/input/tablet",
  "drivers/input/touchscreen",
  "drivers/isdn",
  "drivers/leds",
  "drivers/media",
  "drivers/memstick",
  "drivers/misc/eeprom",
  "drivers/mtd",
  "drivers/net/arcnet",
  "drivers/net/can",
  "drivers/net/fddi",
  "drivers/net/hamradio",
  "drivers/net/ieee802154",
  "drivers/net/slip",
  "drivers/net/wan",
  "drivers/net/wireless",
  "drivers/net/wwan",
  "drivers/nfc",
  "drivers/parport",
  "drivers/pcmcia",
  "drivers/platform/chrome",
  "drivers/platform/surface",
  "drivers/soundwire",
  "drivers/ssb",
  "drivers/staging",
  "drivers/video",
  "drivers/w1",
  "fs/adfs",
  "fs/affs",
  "fs/afs",
  "fs/befs",
  "fs/bfs",
  "fs/coda",
  "fs/cramfs",
  "fs/ecryptfs",
  "fs/efs",
  "fs/freevxfs",
  "fs/gfs2",
  "fs/hfs",
  "fs/hfsplus",
  "fs/hpfs",
  "fs/jffs2",
  "fs/jfs",
  "fs/minix",
  "fs/nilfs2",
  "fs/ntfs3",
  "fs/ocfs2",
  "fs/omfs",
  "fs/orangefs",
  "fs/qnx4",
  "fs/qnx6",
  "fs/reiserfs",
  "fs/romfs",
  "fs/sysv",
  "fs/ubifs",
  "fs/udf",
  "fs/ufs",
  "fs/zonefs",
  "net/6lowpan",
  "net/802/p8022.ko",
  "net/appletalk",
  "net/atm",
  "net/ax25",
  "net/batman-adv",
  "net/bluetooth",
  "net/can",
  "net/ieee802154",
  "net/lapb",
  "net/mac80211",
  "net/mac802154",
  "net/mctp",
  "net/netrom",
  "net/nfc",
  "net/phonet",
  "net/rose",
  "net/rxrpc",
  "net/tipc",
  "net/wireless",
  "net/x25",
  "sound",
];

/** The version of the one kernel in a root, for example "6.12.57+deb13-cloud-amd64". */
export async function kernelVersion(root: string): Promise<string> {
  const versions = await readdir(join(root, "usr/lib/modules"));
  const [version] = versions;
  if (version === undefined || versions.length > 1) {
    throw new Failure("kernel-count", `cannot choose the kernel: the packages bring ${versions.join(", ") || "none"}`);
  }
  return version;
}

/**
 * Moves the kernel out of the root (it belongs into the unified image) and makes the modules ready to load.
 *
 * @param kernel where the kernel goes
 */
export async function settleKernel(tools: ToolsRoot, root: string, kernel: string): Promise<void> {
  const version = await kernelVersion(root);
  await rename(join(root, "boot", `vmlinuz-${version}`), kernel);
  await rm(join(root, "boot"), { recursive: true });
  const modules = join(root, "usr/lib/modules", version);
  for (const path of unwanted) await rm(join(modules, "kernel", path), { recursive: true, force: true });
  await removeEmptyDirectories(join(modules, "kernel"));
  const compressed = (await walk(modules)).filter(({ path }) => path.endsWith(".ko.xz"));
  const paths = compressed.map(({ path }) => join(modules, path));
  // One program for hundreds of files; xz keeps no more than one of them in memory.
  for (let at = 0; at < paths.length; at += 500) {
    await runTool(tools, ["xz", "--decompress", "--threads=2", ...paths.slice(at, at + 500)], { binds: [modules] });
  }
  await runTool(tools, ["depmod", "--basedir", root, version], { binds: [root] });
}

async function removeEmptyDirectories(directory: string): Promise<void> {
  for (const { path, type } of (await walk(directory)).toReversed()) {
    if (type !== "directory") continue;
    try {
      await rmdir(join(directory, path));
    } catch (error) {
      if (systemErrorCode(error) !== "ENOTEMPTY") throw error;
    }
  }
}
