/**
 * How many bytes an update takes when little changed: ours, by patches, beside what other tools would fetch for the same
 * two images, and beside the whole.
 *
 * The images are built from this tree: with the lock as it is, and with older packages that the archive still serves; and
 * from a commit of some time ago. The peers are Debian's xdelta3, zchunk and casync; RAUC's block index is computed, as it
 * needs a bundle of its own (its documentation, "Adaptive Updates").
 */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtImage } from "../../cli/image/built-image.ts";
import { buildDirectory, repository } from "../../cli/context.ts";
import { executable, names as hostNames } from "../../host/names.ts";
import { buildImage } from "../../image/build.ts";
import { artefactOf, readBuild, type FinishedBuild } from "../../image/finished-build.ts";
import { readLock, type Lock } from "../../image/packages/lock.ts";
import { Failure, isFailure } from "../../lib/failure.ts";
import { run } from "../../lib/program/process.ts";
import type { Argv } from "../../lib/program/program.ts";
import { say } from "../../lib/progress.ts";
import { unpackedFrames } from "../../lib/zstd/zstd-frames.ts";
import { patchOf } from "../../repo/patch/make-patch.ts";
import { SourceIndex } from "../../repo/patch/source-index.ts";
import { dev } from "../../variants/dev.ts";
import { olderLocks } from "./older-locks.ts";
import type { Figure } from "../report.ts";

const commitsBack = 40;
const blockBytes = 4096;
const digestBytes = 32;
const [olderVersion, newerVersion] = ["0.1.0", "0.2.0"] as const;

/** Files of a version, unpacked. */
type Files = { root: Buffer; hash: Buffer; boot: Buffer };
type Pair = { name: string; label: string; goal: number; older: () => Promise<FinishedBuild> };

/** @returns a row for each pair, and what a reader must know of them */
export async function benchUpdateBytes(signal: AbortSignal): Promise<{ figures: Figure[]; notes: string[] }> {
  await mkdir(buildDirectory, { recursive: true });
  const directory = await mkdtemp(join(buildDirectory, "bench-bytes-"));
  try {
    const newer = await built(directory, "newer", undefined, signal);
    const { root, hash, unifiedImage } = newer.manifest;
    const wholeBytes = root.bytes + hash.bytes + unifiedImage.bytes;
    const files = await filesOf(newer);
    const figures: Figure[] = [];
    const notes: string[] = [];
    for (const { name, label, goal, older } of await pairs(directory, signal)) {
      say(`what it takes to fetch ${name}`);
      const before = await filesOf(await older());
      const peers = await peerBytes(directory, before, files, signal);
      const ours = await patchBytes(before, files);
      const goalOf = { beside: "limit", atMost: goal } as const;
      figures.push({ name, unit: "bytes", ours, peer: peers.xdelta3, limit: wholeBytes, goal: goalOf });
      const fetched = Object.entries(peers).map(([peer, bytes]) => `${peer} ${(bytes / 1e6).toFixed(2)} MB`);
      notes.push(`${name}: ${label}; ${fetched.join(", ")}`);
    }
    return { figures, notes };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function pairs(directory: string, signal: AbortSignal): Promise<Pair[]> {
  const locks = await olderLocks(await readLock("x86_64"), dev, signal);
  const ofLock = (name: string, goal: number, { label, lock }: { label: string; lock: Lock }): Pair => ({
    name,
    label: `from ${label}`,
    goal,
    older: async () => await built(directory, name.replaceAll(" ", "-"), lock, signal),
  });
  return [
    {
      name: "our program",
      label: `${commitsBack} commits`,
      goal: 0.01,
      older: async () => await builtFromHistory(directory, signal),
    },
    ofLock("one package", 0.02, locks.package),
    ofLock("ten packages", 0.03, locks.packages),
    ofLock("kernel", 0.09, locks.kernel),
    ofLock("point release with kernel", 0.12, locks.release),
  ];
}

/** @param lock that of this tree when absent */
async function built(
  directory: string,
  name: string,
  lock: Lock | undefined,
  signal: AbortSignal,
): Promise<FinishedBuild> {
  const output = join(directory, name);
  if (lock === undefined) {
    const request = { variant: dev.name, architecture: "x86_64", output, osVersion: newerVersion } as const;
    return await readBuild((await builtImage(request, signal)).manifestPath);
  }
  const { manifestPath } = await buildImage(dev, "x86_64", {
    version: olderVersion,
    commit: "00000000",
    // What the newer image was made with: only packages differ.
    hostBinary: join(buildDirectory, "host-x86_64", executable),
    hostNames: { executable, links: hostNames },
    output,
    lock,
    fetch: { signal },
  });
  return await readBuild(manifestPath);
}

async function builtFromHistory(directory: string, signal: AbortSignal): Promise<FinishedBuild> {
  const [tree, output] = [join(directory, "tree"), join(directory, "history")];
  await run(["git", "-C", repository, "worktree", "add", "--detach", tree, `HEAD~${commitsBack}`], { signal });
  try {
    await symlink(join(repository, "node_modules"), join(tree, "node_modules"));
    const lock = "variants/lock/x86_64.json";
    await writeFile(join(tree, lock), await readFile(join(repository, lock)));
    const verb = ["build", "--variant", dev.name, "--output", output, "--os-version", olderVersion];
    await run([process.execPath, join(tree, "cli/main.ts"), ...verb], { signal });
  } finally {
    await run(["git", "-C", repository, "worktree", "remove", "--force", tree]);
  }
  return await readBuild(output);
}

async function filesOf(build: FinishedBuild): Promise<Files> {
  const { root, hash, unifiedImage } = build.manifest;
  const unpacked = async (path: string): Promise<Buffer> => {
    const pieces: Buffer[] = [];
    for await (const frame of unpackedFrames(Bun.file(path).stream())) pieces.push(Buffer.from(frame));
    return Buffer.concat(pieces);
  };
  return {
    root: await unpacked(await artefactOf(build, root)),
    hash: await unpacked(await artefactOf(build, hash)),
    boot: await readFile(await artefactOf(build, unifiedImage)),
  };
}

const parts = ["boot", "hash", "root"] as const;

async function patchBytes(older: Files, newer: Files): Promise<number> {
  let bytes = 0;
  for (const part of parts) {
    for await (const piece of patchOf(new SourceIndex(older[part]), newer[part])) bytes += piece.length;
  }
  return bytes;
}

/** Of the same three files, by each tool. */
async function peerBytes(
  directory: string,
  older: Files,
  newer: Files,
  signal: AbortSignal,
): Promise<Record<"xdelta3" | "zchunk" | "casync" | "RAUC's block index", number>> {
  const work = await mkdtemp(join(directory, "peers-"));
  const bytes = { xdelta3: 0, zchunk: 0, casync: 0, "RAUC's block index": 0 };
  for (const part of parts) {
    const [from, to] = [join(work, `older-${part}`), join(work, `newer-${part}`)];
    await writeFile(from, older[part]);
    await writeFile(to, newer[part]);
    bytes.xdelta3 += await xdelta3(from, to, signal);
    bytes.zchunk += await zchunk(from, to, signal);
    bytes.casync += await casync(from, to, signal);
    bytes["RAUC's block index"] += blockIndex(older[part], newer[part]);
  }
  await rm(work, { recursive: true });
  return bytes;
}

async function xdelta3(older: string, newer: string, signal: AbortSignal): Promise<number> {
  const patch = `${newer}.xdelta`;
  await tool(
    ["xdelta3", "-e", "-9", "-S", "lzma", "-B", String(512 * 1024 * 1024), "-f", "-s", older, newer, patch],
    signal,
  );
  return (await stat(patch)).size;
}

async function zchunk(older: string, newer: string, signal: AbortSignal): Promise<number> {
  for (const path of [older, newer]) await tool(["zck", "-o", `${path}.zck`, path], signal);
  const text = await tool(["zck_delta_size", `${older}.zck`, `${newer}.zck`], signal);
  return Number(/Would download (\d+) of/.exec(text)?.[1]);
}

async function casync(older: string, newer: string, signal: AbortSignal): Promise<number> {
  const chunks: Map<string, number>[] = [];
  for (const path of [older, newer]) {
    await tool(["casync", "make", `--store=${path}.castr`, `${path}.caibx`, path], signal);
    chunks.push(await filesBelow(`${path}.castr`));
  }
  const [known = new Map(), wanted = new Map()] = chunks;
  const missing = [...wanted].filter(([name]) => !known.has(name)).reduce((sum, [, size]) => sum + size, 0);
  return missing + (await stat(`${newer}.caibx`)).size;
}

async function filesBelow(directory: string): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sizes.set(entry.name, (await stat(join(entry.parentPath, entry.name))).size);
  }
  return sizes;
}

/** A hash for each block of 4 KiB, and each block that the older file has nowhere. */
function blockIndex(older: Buffer, newer: Buffer): number {
  const digests = (file: Buffer): string[] =>
    Array.from({ length: Math.ceil(file.length / blockBytes) }, (_, block) =>
      Bun.SHA256.hash(file.subarray(block * blockBytes, (block + 1) * blockBytes), "hex"),
    );
  const known = new Set(digests(older));
  const wanted = digests(newer);
  const missing = new Set(wanted.filter((digest) => !known.has(digest)));
  return wanted.length * digestBytes + missing.size * blockBytes;
}

async function tool(argv: Argv, signal: AbortSignal): Promise<string> {
  try {
    return (await run(argv, { signal })).stdout;
  } catch (error) {
    if (!isFailure(error, "no-such-program")) throw error;
    throw new Failure("no-peer", `cannot measure ${argv[0]}: it is not installed`, {
      hint: "apt-get install xdelta3 zchunk casync",
    });
  }
}
