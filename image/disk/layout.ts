/**
 * The partitions of a disk and their sizes. Sizes are promises: an update has to fit into the partitions of the oldest
 * host, so they are the same for every variant and change only with a decision.
 */
import { Failure } from "../../lib/failure.ts";
import { formatBytes } from "../../lib/progress.ts";
import type { Architecture } from "../../variants/variant.ts";

const mebibyte = 1024 * 1024;

/** Types of the Discoverable Partitions Specification, by the names of systemd-repart; ours are random UUIDs. */
export const privatePartitionType = "13766b81-b140-41d6-85fd-563179b19a1c";
export const dataPartitionType = "127ca19e-d7ef-43ea-9802-4f479ff7354c";

export const rootTypes: Readonly<Record<Architecture, string>> = { x86_64: "root-x86-64", aarch64: "root-arm64" };

export const sizes = {
  /**
   * The unified images of both sets, with room for a third. They have 20 MiB (x86_64, cloud) to 50 MiB
   * (aarch64, whose kernel is not compressed).
   */
  esp: 192 * mebibyte,
  /** One and a half times what the largest variant needs today, and room for an orchestrator. */
  root: 512 * mebibyte,
  /** dm-verity with SHA-256 and 4 KiB blocks takes 1/127 of the root, and a block. */
  hash: 8 * mebibyte,
  /** The datastore. */
  private: 40 * mebibyte,
  /** The file. What is beyond the partitions is where the data partition begins at first boot. */
  disk: 2048 * mebibyte,
} as const;

export type PartitionLayout = {
  type: string;
  label: string;
  bytes: number;
  /** A file whose bytes it starts with. */
  content?: string;
  /** A directory whose files are copied into a new file system. */
  files?: string;
  format?: "vfat" | "ext4";
  /** Of the partition; derived from the disk's seed unless given. */
  uuid?: string;
};

export type LayoutInputs = {
  architecture: Architecture;
  /** Directory with the content of the ESP. */
  esp: string;
  root: { path: string; bytes: number };
  hash: { path: string; bytes: number };
};

/**
 * The partitions of a new disk, in their order. DATA is not among them: the host makes it at first boot, as large as
 * its disk is (`os/repart/data`).
 *
 * @throws {Failure<"root-too-large">}
 */
export function diskLayout({ architecture, esp, root, hash }: LayoutInputs): PartitionLayout[] {
  for (const [name, part] of Object.entries({ root, hash })) {
    const limit = name === "root" ? sizes.root : sizes.hash;
    if (part.bytes > limit) {
      throw new Failure(
        "root-too-large",
        `cannot lay out the disk: the ${name} of ${formatBytes(part.bytes)} does not fit into ${formatBytes(limit)}`,
        { hint: "remove packages from the variant, or leave out --with-containers" },
      );
    }
  }
  const type = rootTypes[architecture];
  return [
    { type: "esp", label: "ORLOP-ESP", bytes: sizes.esp, format: "vfat", files: esp },
    { type, label: "ORLOP-ROOT-A", bytes: sizes.root, content: root.path },
    { type: `${type}-verity`, label: "ORLOP-HASH-A", bytes: sizes.hash, content: hash.path },
    { type, label: "ORLOP-ROOT-B", bytes: sizes.root },
    { type: `${type}-verity`, label: "ORLOP-HASH-B", bytes: sizes.hash },
    { type: privatePartitionType, label: "ORLOP-PRIVATE", bytes: sizes.private, format: "ext4" },
  ];
}

/** One partition as a definition file of systemd-repart; see repart.d(5). */
export function repartDefinition({ type, label, bytes, content, files, format, uuid }: PartitionLayout): string {
  return [
    "[Partition]",
    `Type=${type}`,
    `Label=${label}`,
    ...(uuid === undefined ? [] : [`UUID=${uuid}`]),
    `SizeMinBytes=${bytes}`,
    `SizeMaxBytes=${bytes}`,
    ...(content === undefined ? [] : [`CopyBlocks=${content}`]),
    ...(format === undefined ? [] : [`Format=${format}`]),
    ...(files === undefined ? [] : [`CopyFiles=${files}:/`]),
    "",
  ].join("\n");
}
