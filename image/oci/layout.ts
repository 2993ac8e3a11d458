/**
 * Images of containers as OCI layouts: a directory of blobs by digest, with an index that names the one image.
 *
 * The same trees give the same bytes: tar sorts, and takes no time or name of this machine; zstd comes from the lock.
 * Source: OCI image specification 1.1, image-layout.md, config.md and layer.md.
 */
import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Architecture } from "../../variants/variant.ts";
import { debianArchitecture } from "../packages/base.ts";
import { sha256OfFile } from "../packages/cache.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";

export type Layer = {
  /** Directory that becomes a layer, with owners and modes as they are there. */
  tree: string;
  /** For people who ask for the history of the image. */
  says: string;
};

export type ImageConfig = {
  architecture: Architecture;
  /** Program and arguments that are always there. */
  entrypoint: readonly string[];
  /** Further arguments, which whoever starts the container may replace. */
  command?: readonly string[];
  environment?: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>>;
};

type Descriptor = { mediaType: string; digest: string; size: number };

const prefix = "application/vnd.oci.image";

/** Makes a layout in a directory that does not exist; gives the digest of the image's manifest. */
export async function makeLayout(
  tools: ToolsRoot,
  directory: string,
  { layers, config, epochSeconds }: { layers: readonly Layer[]; config: ImageConfig; epochSeconds: number },
): Promise<string> {
  await mkdir(join(directory, "blobs/sha256"), { recursive: true });
  const made = [];
  for (const layer of layers) made.push(await addLayer(tools, directory, layer.tree, epochSeconds));
  const created = new Date(epochSeconds * 1000).toISOString();
  const { architecture, entrypoint, command = [], environment = {}, labels = {} } = config;
  const configuration = await addJson(directory, `${prefix}.config.v1+json`, {
    created,
    architecture: debianArchitecture(architecture),
    os: "linux",
    config: {
      Entrypoint: entrypoint,
      ...(command.length === 0 ? {} : { Cmd: command }),
      Env: Object.entries({ PATH: "/usr/local/bin:/usr/sbin:/usr/bin", ...environment }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      WorkingDir: "/",
      Labels: labels,
    },
    rootfs: { type: "layers", diff_ids: made.map(({ diffId }) => diffId) },
    history: layers.map(({ says }) => ({ created, created_by: says })),
  });
  const manifest = await addJson(directory, `${prefix}.manifest.v1+json`, {
    schemaVersion: 2,
    mediaType: `${prefix}.manifest.v1+json`,
    config: configuration,
    layers: made.map(({ descriptor }) => descriptor),
  });
  await writeFile(join(directory, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await writeFile(
    join(directory, "index.json"),
    JSON.stringify({ schemaVersion: 2, mediaType: `${prefix}.index.v1+json`, manifests: [manifest] }),
  );
  return manifest.digest;
}

/** @returns the compressed blob, and the digest of what it unpacks to */
async function addLayer(
  tools: ToolsRoot,
  directory: string,
  tree: string,
  epochSeconds: number,
): Promise<{ descriptor: Descriptor; diffId: string }> {
  const archive = join(directory, "layer.tar");
  const tar = [
    "tar",
    "--create",
    `--file=${archive}`,
    `--directory=${tree}`,
    "--sort=name",
    "--numeric-owner",
    `--mtime=@${epochSeconds}`,
    // File capabilities are extended attributes; the times of pax would be those of this build.
    "--format=posix",
    "--pax-option=delete=atime,delete=ctime",
    "--xattrs",
    "--xattrs-include=security.capability",
    ".",
  ] as const;
  await runTool(tools, tar, { binds: [directory], readOnlyBinds: [tree] });
  const diffId = `sha256:${await sha256OfFile(archive)}`;
  // One thread: how many there are would show in the bytes.
  await runTool(tools, ["zstd", "--quiet", "-9", "--single-thread", "--rm", archive], { binds: [directory] });
  const compressed = `${archive}.zst`;
  const digest = await sha256OfFile(compressed);
  const { size } = await stat(compressed);
  await rename(compressed, join(directory, "blobs/sha256", digest));
  return { descriptor: { mediaType: `${prefix}.layer.v1.tar+zstd`, digest: `sha256:${digest}`, size }, diffId };
}

async function addJson(directory: string, mediaType: string, value: unknown): Promise<Descriptor> {
  const text = JSON.stringify(value);
  const digest = createHash("sha256").update(text).digest("hex");
  await writeFile(join(directory, "blobs/sha256", digest), text);
  return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
}
