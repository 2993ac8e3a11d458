/** Protects: what a host mounts is on its own disk, whatever the partitions of other disks are called. */
import { expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { openToolsRoot, runTool } from "../packages/tools-root.ts";
import { osDirectory } from "./os-content.ts";

/** Names that whoever writes a disk chooses: of partitions and file systems, and identifiers that can be copied. */
const chosen = /by-(?:part)?label|by-(?:part)?uuid|(?:PART)?(?:LABEL|UUID)=/;
/** In the initrd the content behind the UUID is verified. The definition of a new partition gives it its name. */
const apart = ["initrd/init", "repart/data/10-data.conf"];

const files = async (): Promise<string[]> =>
  (await readdir(osDirectory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(osDirectory.length + 1));

test("nothing of the OS finds a partition by what another disk may carry too", async () => {
  const naming: string[] = [];
  for (const path of await files()) {
    const code = (await readFile(join(osDirectory, path), "utf8")).replaceAll(/^\s*#.*$/gm, "");
    if (chosen.test(code)) naming.push(path);
  }
  expect(naming.filter((path) => !apart.includes(path))).toEqual([]);
});

test("a mount unit of a disk names a link of our own", async () => {
  const devices: string[] = [];
  for (const path of (await files()).filter((name) => name.endsWith(".mount"))) {
    const what = /^What=(\/(?:dev|run\/own-disk)\/.*)$/m.exec(await readFile(join(osDirectory, path), "utf8"))?.[1];
    if (what !== undefined) devices.push(what);
  }
  // The first is the drive of a virtual machine, which has user data of whoever made the machine. Links below /run are
  // the initrd's, made for the disk of the root alone.
  expect(devices.toSorted()).toEqual([
    "/dev/cdrom",
    "/dev/orlop/data",
    "/run/own-disk/ORLOP-ESP",
    "/run/own-disk/private",
  ]);
});

test("who makes or resizes an encrypted partition does not wait for udev, whose rules answer nobody", async () => {
  const programs =
    /^Exec\w+=\S*\/(?:cryptsetup|systemd-cryptsetup|storage-seal (?:private|data)|systemd-growfs)(?: |$)/m;
  const [using, waiting]: [string[], string[]] = [[], []];
  for (const path of (await files()).filter((name) => name.endsWith(".service"))) {
    const unit = await readFile(join(osDirectory, path), "utf8");
    if (!programs.test(unit)) continue;
    using.push(basename(path));
    if (!/^Environment=DM_DISABLE_UDEV=1$/m.test(unit)) waiting.push(path);
  }
  expect(using.toSorted()).toEqual([
    "grow-data@.service",
    "open-data.service",
    "open-private.service",
    "seal-data.service",
    "seal-private.service",
  ]);
  expect(waiting).toEqual([]);
});

test("udev understands every rule", async () => {
  const tools = await openToolsRoot();
  const rules = join(osDirectory, "udev/90-orlop.rules");
  const { stdout } = await runTool(tools, ["udevadm", "verify", "--no-style", rules], { readOnlyBinds: [rules] });
  expect(stdout).toContain("Success: 1");
}, 600_000);
