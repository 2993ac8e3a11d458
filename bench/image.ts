/**
 * What an image weighs and how long it takes to build, as a person builds it: `./orlop build` with a cache of its own.
 *
 * The peer is mmdebstrap, which makes a root of the same packages and of what apt adds to them, with their maintainer
 * scripts. It stops there: no verity, no boot, no disk.
 */
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { buildDirectory, repository } from "../cli/context.ts";
import { manifestSchema, type ImageManifest } from "../image/manifest.ts";
import { readLock } from "../image/packages/lock.ts";
import { openToolsRoot, runTool } from "../image/packages/tools-root.ts";
import { rootPackages } from "../image/root/packages.ts";
import { parseJson } from "../lib/text/json.ts";
import { run } from "../lib/program/process.ts";
import { say } from "../lib/progress.ts";
import { dev } from "../variants/dev.ts";
import { computer, type BenchReport } from "./report.ts";
import { mmdebstrap } from "./stock-debian.ts";

/** As in `image/steps/sealed.ts`. */
const compressionLevel = 3;

export async function benchImage(signal: AbortSignal): Promise<BenchReport> {
  await mkdir(buildDirectory, { recursive: true });
  const directory = await mkdtemp(join(buildDirectory, "bench-image-"));
  try {
    const cache = join(directory, "cache");
    const output = join(directory, "output");
    const build = async (label: string, version: string): Promise<number> =>
      timed(label, async () => buildDev({ cache, output, version, signal }));
    const cold = await build("cold build, with downloads", "0.1.0");
    await rm(join(cache, "steps"), { recursive: true });
    const fetched = await build("build with downloaded packages", "0.1.0");
    const changed = await build("build after a change of our own programs", "0.1.1");
    const unchanged = await build("build without a change", "0.1.1");
    const manifest = await readManifest(output);
    const { names, theirs, theirBytes, theirPacked } = await peer(directory, signal);
    return {
      benchmark: "image",
      ours: `the ${dev.name} image for ${manifest.architecture}: root, hash tree, unified kernel image, disk`,
      peer: `mmdebstrap: a root of the same ${names} packages and of what apt adds, as a tar archive`,
      figures: [
        { name: "root", unit: "bytes", ours: manifest.root.unpackedBytes, peer: theirBytes },
        { name: "root, compressed by zstd", unit: "bytes", ours: manifest.root.bytes, peer: theirPacked },
        { name: "whole update, compressed", unit: "bytes", ours: updateBytes(manifest) },
        { name: "disk image, bytes in use", unit: "bytes", ours: await allocated(join(output, manifest.disk.name)) },
        { name: "cold build, with downloads", unit: "seconds", ours: cold, peer: theirs },
        { name: "build, packages downloaded", unit: "seconds", ours: fetched },
        { name: "build after a change of ours", unit: "seconds", ours: changed },
        { name: "build without a change", unit: "seconds", ours: unchanged },
      ],
      notes: [
        "one run each; the cold build also downloads the builder's own tools and the runtime of the host's programs",
        `compressed at level ${compressionLevel}; the root of ours is an EROFS, compressed itself`,
      ],
      computer: computer(),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

type Build = { cache: string; output: string; version: string; signal: AbortSignal };

async function buildDev({ cache, output, version, signal }: Build): Promise<void> {
  const verb = ["build", "--variant", dev.name, "--output", output, "--os-version", version];
  const env = { ...process.env, ORLOP_CACHE: cache };
  await rm(output, { recursive: true, force: true });
  await run([process.execPath, join(repository, "cli/main.ts"), ...verb], { env, signal });
}

async function timed(label: string, work: () => Promise<void>): Promise<number> {
  say(label);
  const startedMs = performance.now();
  await work();
  return (performance.now() - startedMs) / 1000;
}

async function readManifest(output: string): Promise<ImageManifest> {
  for (const name of await readdir(output)) {
    const isManifest = name.endsWith(".json") && !name.endsWith(".spdx.json");
    if (isManifest) return manifestSchema.parse(parseJson(await Bun.file(join(output, name)).text()));
  }
  throw new Error(`the build left no manifest in ${output}`);
}

function updateBytes({ root, hash, unifiedImage }: ImageManifest): number {
  return root.bytes + hash.bytes + unifiedImage.bytes;
}

/** A disk image is mostly holes. */
async function allocated(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

async function peer(
  directory: string,
  signal: AbortSignal,
): Promise<{ names: number; theirs: number; theirBytes: number; theirPacked: number }> {
  const { host, variant } = rootPackages(await readLock("x86_64"), dev, undefined);
  const names = [...host, ...variant].map(({ name }) => name);
  const archive = join(directory, "root.tar");
  const options = ["--variant=apt", `--include=${names.join(",")}`];
  const theirs = await timed("mmdebstrap", async () => mmdebstrap(options, archive, signal));
  const packed = `${archive}.zst`;
  const tools = await openToolsRoot();
  const zstd = ["zstd", "--quiet", `-${compressionLevel}`, "--threads=0", archive, "-o", packed] as const;
  await runTool(tools, zstd, { binds: [directory], signal });
  return {
    names: names.length,
    theirs,
    theirBytes: (await stat(archive)).size,
    theirPacked: (await stat(packed)).size,
  };
}
