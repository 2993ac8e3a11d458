/**
 * Protects: a machine with a second disk keeps its data there, whatever the order in which the disks turn up, and what is
 * on other disks becomes no part of the host, whatever their partitions are called.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestHost } from "./test-host.ts";

const gibibyte = 1024 ** 3;
let host: TestHost;
beforeAll(async () => {
  host = await TestHost.boot("disks", { dataDiskBytes: 5 * gibibyte, ephemeralDisksBytes: [gibibyte] });
});
afterAll(async () => host?.[Symbol.asyncDispose]());

const sourceOf = async (path: string): Promise<string> =>
  await host.shell.run(`readlink -f $(findmnt -no SOURCE ${path})`);

/** By mount point, where the host's own file systems are. */
async function mounted(): Promise<Record<string, string>> {
  const sources: Record<string, string> = {};
  for (const path of ["/efi", "/var/lib/orlop", "/local"]) sources[path] = await sourceOf(path);
  return sources;
}
const own = { "/efi": "/dev/vda1", "/var/lib/orlop": "/dev/vda6", "/local": "/dev/vdb1" };

test("the empty disk becomes the data partition, whole", async () => {
  expect(await sourceOf("/local")).toBe("/dev/vdb1");
  expect(Number(await host.shell.run("findmnt -bno SIZE /local"))).toBeGreaterThan(4 * gibibyte);
  expect(await host.shell.run("lsblk -rno PARTLABEL /dev/vda")).not.toContain("ORLOP-DATA");
});

test("it is the same one after a reboot, with what was written", async () => {
  await host.shell.run("echo kept > /var/kept && sync");
  await host.reboot();
  expect(await host.shell.run("cat /var/kept")).toBe("kept");
  expect(await mounted()).toEqual(own);
});

/** As whoever may write a volume can make it: the names of the host's partitions, and settings in one of them. */
const impostor = `
mkdir -p /run/impostor/definitions /run/impostor/files
printf '[settings]\\nmotd = "of a partition on another disk"\\n' > /run/impostor/files/user-data.toml
cd /run/impostor/definitions
for name in ESP PRIVATE DATA; do
  printf '[Partition]\\nType=linux-generic\\nLabel=ORLOP-%s\\nSizeMinBytes=64M\\nSizeMaxBytes=64M\\nFormat=ext4\\nCopyFiles=/run/impostor/files:/\\n' $name > $name.conf
done
systemd-repart --dry-run=no --empty=force --definitions=/run/impostor/definitions /dev/vdc
sync`;

test("a disk with partitions of the host's names is none of the host's, at any of several boots", async () => {
  await host.commit({ motd: "ours" });
  await host.shell.run(impostor, 120_000);
  // In the table on the disk: udev looks at an ephemeral disk only when it appears.
  const table = "dd if=/dev/vdc bs=512 skip=2 count=32 status=none | tr -d '\\0'";
  expect(await host.shell.run(table)).toContain("ORLOP-PRIVATE");
  const before = await (await host.api()).call("getStatus");
  for (const _ of [1, 2]) {
    await host.reboot();
    expect(await host.shell.run("readlink -f /dev/disk/by-partlabel/ORLOP-PRIVATE")).toMatch(/^\/dev\/vd[ac]\d$/);
    expect((await host.shell.run("lsblk -rno PARTLABEL /dev/vdc")).split("\n")).toContain("ORLOP-PRIVATE");
    expect(await mounted()).toEqual(own);
    expect(await host.shell.run("cat /etc/motd")).toBe("ours");
  }
  expect((await host.status()).settings.version).toBe(before.settings.version);
});
