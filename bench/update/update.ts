/**
 * How fast an update gets onto a host, and how much memory that takes.
 *
 * In one emulated machine: `apply` from a repository on this computer, beside the usual tools doing the same with
 * nothing to decide: curl, `zstd -dc`, a write to the partition, and one read of it for its hash. Without a machine: a
 * TUF refresh and one large target, beside a plain download and its hash.
 */
import { createHash, randomFillSync } from "node:crypto";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { linuxSystem } from "../../host/machine/system.ts";
import { refreshMetadata, targetIn, targetStream } from "../../host/update/fetch/trusted-repository.ts";
import type { ImageManifest } from "../../image/manifest.ts";
import { openToolsRoot } from "../../image/packages/tools-root.ts";
import { say } from "../../lib/progress.ts";
import { testRepository } from "../../test/worlds/update/update-repository.ts";
import { newer, PublishedImages } from "../../test/real/vm/published-images.ts";
import { UpdatingHost } from "../../test/real/vm/updating-host.ts";
import { benchUpdateBytes } from "./update-bytes.ts";
import { writeUpdate } from "./write-update.ts";
import { computer, median, type Figure, type BenchReport } from "../report.ts";

const mebibyte = 1024 * 1024;
const targetBytes = 500 * mebibyte;
const rounds = 3;
const memoryLimitBytes = 128 * mebibyte;
const usualToolsTimeoutMs = 600_000;

export async function benchUpdate(signal: AbortSignal): Promise<BenchReport> {
  say("a refresh and a target of 500 MiB");
  const native = await benchTarget(signal);
  say("an update in a machine");
  const applied = await benchApply();
  const fetched = await benchUpdateBytes(signal);
  return {
    benchmark: "update",
    ours: "hostd: refresh of the metadata, download, write, read back block by block against the signed root hash",
    peer: "of rows in bytes: Debian's xdelta3, level 9 with lzma and the whole older file in memory",
    limit:
      "curl, zstd, dd and sha256sum in the same machine; fetch and SHA-256 on this computer; of rows in bytes: all files",
    figures: [...applied, ...native, ...fetched.figures],
    notes: [
      "per second: mebibytes of what is on the partitions when it is done, in a machine without KVM",
      `hostd may use ${memoryLimitBytes / mebibyte} MiB at most; its limit in that row is that`,
      `the target is served by the process that measures; medians of ${rounds}`,
      "bytes: what a host fetches for root, hash tree and kernel, from an image with older packages, an older kernel, both, or an older program",
      ...fetched.notes,
    ],
    computer: computer(),
  };
}

async function benchApply(): Promise<Figure[]> {
  using published = await PublishedImages.open("bench");
  const image = published.images.older.image;
  await using updating = await UpdatingHost.boot("bench-update", { userData: published.userData(), image, cpus: 2 });
  const { shell } = updating.host;
  const { manifest } = published.images.newer;
  const { root, hash, unifiedImage } = manifest;
  const mebibytes = (root.unpackedBytes + hash.unpackedBytes + unifiedImage.bytes) / mebibyte;
  const { seconds } = await writeUpdate(updating, newer);
  const status = await shell.run("cat /proc/$(systemctl show --value -p MainPID hostd.service)/status");
  const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  // Afterwards: hostd does not fetch what it finds on the partitions.
  const usual = await usualTools(updating, published, manifest);
  return [
    {
      name: "write an update, MiB",
      unit: "per second",
      ours: mebibytes / seconds,
      limit: mebibytes / usual,
      goal: { beside: "limit", atLeast: 0.7 },
    },
    {
      name: "hostd's peak memory with it",
      unit: "bytes",
      ours: peak,
      limit: memoryLimitBytes,
      goal: { beside: "limit", atMost: 1 },
    },
  ];
}

/** The program and what it loads, which hosts do not have. */
const libraries = "usr/lib/x86_64-linux-gnu";
const zstd = [
  "usr/bin/zstd",
  ...["liblz4.so.1", "libxxhash.so.0", "liblzma.so.5", "libz.so.1"].map((name) => `${libraries}/${name}`),
];
const unpack = "LD_LIBRARY_PATH=/local/tools /local/tools/zstd -dc";

/** Seconds that the usual tools take for root, hash tree and unified kernel image. */
async function usualTools(
  updating: UpdatingHost,
  published: PublishedImages,
  manifest: ImageManifest,
): Promise<number> {
  const { shell } = updating.host;
  const tools = await openToolsRoot();
  const served = join(published.directory, "usual");
  await mkdir(served);
  for (const path of zstd) {
    const name = basename(path);
    await copyFile(join(tools.directory, path), join(served, name));
    await shell.run(`curl -sf --create-dirs -o /local/tools/${name} ${published.url(`usual/${name}`)}`);
  }
  await shell.run("chmod 755 /local/tools/zstd");
  let seconds = 0;
  const partition = (label: string, bytes: number) => {
    const path = `/dev/disk/by-partlabel/${label}`;
    return { path, read: `dd if=${path} bs=1M iflag=direct,count_bytes count=${bytes}` };
  };
  const file = "/efi/usual.efi";
  for (const [name, unpacking, { path, read }] of [
    [manifest.root.name, `| ${unpack}`, partition("ORLOP-ROOT-B", manifest.root.unpackedBytes)],
    [manifest.hash.name, `| ${unpack}`, partition("ORLOP-HASH-B", manifest.hash.unpackedBytes)],
    // Reading directly wants whole blocks, so it is forgotten first.
    [manifest.unifiedImage.name, "", { path: file, read: `dd if=${file} iflag=nocache count=0 && cat ${file}` }],
  ] as const) {
    await copyFile(join(published.images.newer.manifestPath, "..", name), join(served, name));
    const write = `curl -sf ${published.url(`usual/${name}`)} ${unpacking} | dd of=${path} bs=1M conv=fsync`;
    const startedMs = performance.now();
    await shell.run(`set -o pipefail; ${write} && { ${read}; } | sha256sum`, usualToolsTimeoutMs);
    seconds += (performance.now() - startedMs) / 1000;
  }
  return seconds;
}

async function benchTarget(signal: AbortSignal): Promise<Figure[]> {
  await using repository = await testRepository();
  const root = randomFillSync(Buffer.alloc(targetBytes));
  const small = Buffer.from("small");
  await repository.publish("1.0.0", { artefacts: { boot: small, root, hash: small } });
  const system = linuxSystem();
  const { mirror } = repository;
  const [ours, limit, refresh]: [number[], number[], number[]] = [[], [], []];
  for (let round = 1; round <= rounds; round++) {
    const directory = await mkdtemp(join(tmpdir(), "bench-tuf-"));
    try {
      await writeFile(join(directory, "root.json"), repository.rootJson);
      const startedMs = performance.now();
      const { targets } = await refreshMetadata(system, mirror, directory, signal);
      refresh.push((performance.now() - startedMs) / 1000);
      const target = Object.keys(targets.targets).find((name) => targets.targets[name]?.length === targetBytes) ?? "";
      const trusted = targetIn(targets)(target);
      if (trusted === undefined) throw new Error("the repository lost its target");
      for await (const _bytes of targetStream(system, mirror, trusted, signal));
      ours.push((performance.now() - startedMs) / 1000);
      const url = new URL(`targets/${trusted.digest.hex}.${target}`, repository.url);
      limit.push(await plainDownload(url, signal));
    } finally {
      await rm(directory, { recursive: true });
    }
  }
  return [
    { name: "TUF refresh from nothing", unit: "seconds", ours: median(refresh) },
    {
      name: "refresh and a target of 500 MiB",
      unit: "seconds",
      ours: median(ours),
      limit: median(limit),
    },
  ];
}

async function plainDownload(url: URL, signal: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) throw new Error(`${url.href} answers ${response.status}`);
  const hash = createHash("sha256");
  for await (const bytes of response.body) hash.update(bytes);
  hash.digest();
  return (performance.now() - startedMs) / 1000;
}
