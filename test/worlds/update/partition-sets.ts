/** The part of sysfs and of the ESP by which a host knows its two partition sets, as files below a test's root. */
import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { entryName, entryText, type SetName } from "../../../host/update/boot/boot-entry.ts";
import type { TestSystem } from "../host/system.ts";

export const testPartitionBytes = { root: 2 * 1024 * 1024, hash: 256 * 1024 } as const;

const labels = ["ORLOP-ESP", "ORLOP-ROOT-A", "ORLOP-HASH-A", "ORLOP-ROOT-B", "ORLOP-HASH-B", "ORLOP-PRIVATE"];

/** A host that runs `version` from set `active`, marked successful; the other set is empty. Returns the device paths. */
export async function writePartitionSets(host: TestSystem, active: SetName, version: string): Promise<void> {
  const { root } = host.system;
  const disk = join(root, "sys/devices/pci0000:00/virtio1/block/vda");
  for (const [index, label] of labels.entries()) {
    const name = `vda${index + 1}`;
    const bytes = label.includes("HASH") ? testPartitionBytes.hash : testPartitionBytes.root;
    await mkdir(join(disk, name), { recursive: true });
    await writeFile(join(disk, name, "partition"), `${index + 1}\n`);
    await writeFile(join(disk, name, "size"), `${bytes / 512}\n`);
    await writeFile(join(disk, name, "uevent"), `MAJOR=254\nDEVNAME=${name}\nDEVTYPE=partition\nPARTNAME=${label}\n`);
    await mkdir(join(root, "dev"), { recursive: true });
    await writeFile(join(root, "dev", name), "");
    await truncate(join(root, "dev", name), bytes);
  }
  await mkdir(join(disk, "queue"));
  await writeFile(join(disk, "alignment_offset"), "0\n");
  const slaves = join(root, "sys/devices/virtual/block/dm-0/slaves");
  await mkdir(slaves, { recursive: true });
  for (const name of active === "a" ? ["vda2", "vda3"] : ["vda4", "vda5"])
    await symlink(join(disk, name), join(slaves, name));
  await mkdir(join(root, "sys/dev/block"), { recursive: true });
  await symlink(join(root, "sys/devices/virtual/block/dm-0"), join(root, "sys/dev/block/253:0"));
  await host.write(
    "/proc/self/mountinfo",
    ["21 1 253:0 / / ro - erofs /dev/mapper/root ro", "22 21 0:5 / /dev rw - devtmpfs dev rw", ""].join("\n"),
  );
  const entry = { set: active, priority: 1, standing: { kind: "successful" }, version } as const;
  await host.write(`/efi/loader/entries/${entryName(entry)}`, entryText(entry));
  await host.write(`/efi/EFI/orlop/${active}.efi`, "kernel");
}
