/**
 * Images of containers as OCI layouts: a directory of blobs by digest, with an index that names the one image.
 *
 * The same trees give the same bytes: tar sorts, and takes no time or name of this machine; zstd comes from the lock.
 * Source: OCI image specification 1.1, image-layout.md, config.md and layer.md.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import type { Architecture } from "../../variants/variant.ts";
import { debianArchitecture } from "../packages/base.ts";
import { readResult, sha256OfFile } from "../packages/cache.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";

const layerSchema = z.strictObject({
  /** Of what it unpacks to. */
  diffId: z.string(),
  /** Of the compressed blob. */
  digest: z.string(),
  size: z.int(),
});

export type ImageOptions = {
  architecture: Architecture;
  /** Program and arguments that are always there. */
  entrypoint: readonly string[];
  /** Further arguments, which whoever starts the container may replace. */
  command?: readonly string[];
  environment?: Readonly<Record<string, string>>;
  /** "UID:GID"; root unless given. */
  user?: string;
  labels?: Readonly<Record<string, string>>;
};

const indexSchema = z.looseObject({ manifests: z.tuple([z.looseObject({ digest: z.string() })]) });

const blobSchema = z.looseObject({ digest: z.string() });
const manifestSchema = z.looseObject({ config: blobSchema, layers: z.array(blobSchema) });

/** Of an image in a layout: where its configuration and its layers stand, from the layout's directory. */
export type ImageBlobs = { config: string; layers: readonly string[] };

type Descriptor = { mediaType: string; digest: string; size: number };

const prefix = "application/vnd.oci.image";
const blobName = "layer.tar.zst";

/**
 * Makes a directory of one layer: the compressed blob, and its entry in the configuration of an image.
 *
 * @param tree directory that becomes the layer, with owners and modes as they are there
 */
export async function makeLayer(
  tools: ToolsRoot,
  directory: string,
  tree: string,
  epochSeconds: number,
): Promise<void> {
  await mkdir(directory);
  const archive = join(directory, "layer.tar");
  await packDirectory(tools, tree, archive, epochSeconds);
  const diffId = `sha256:${await sha256OfFile(archive)}`;
  // One thread: how many there are would show in the bytes.
  await runTool(tools, ["zstd", "--quiet", "-9", "--single-thread", "--rm", archive], { binds: [directory] });
  const blob = join(directory, blobName);
  const layer = { diffId, digest: `sha256:${await sha256OfFile(blob)}`, size: (await stat(blob)).size };
  await writeFile(join(directory, "layer.json"), JSON.stringify(layer satisfies z.infer<typeof layerSchema>));
}

/**
 * Makes a layout in a directory that does not exist.
 *
 * @param layers made by `makeLayer`, with the description of each in the image's history
 */
export async function makeLayout(
  directory: string,
  {
    layers,
    config,
    epochSeconds,
  }: { layers: readonly { directory: string; description: string }[]; config: ImageOptions; epochSeconds: number },
): Promise<void> {
  const blobs = join(directory, "blobs/sha256");
  await mkdir(blobs, { recursive: true });
  const made = [];
  for (const layer of layers) {
    const { diffId, digest, size } = await readResult(layer.directory, "layer.json", layerSchema);
    await copyFile(join(layer.directory, blobName), join(blobs, digest.replace("sha256:", "")));
    made.push({ diffId, descriptor: { mediaType: `${prefix}.layer.v1.tar+zstd`, digest, size } });
  }
  const created = new Date(epochSeconds * 1000).toISOString();
  const { architecture, entrypoint, command = [], environment = {}, labels = {}, user } = config;
  const configuration = await addJson(directory, `${prefix}.config.v1+json`, {
    created,
    architecture: debianArchitecture(architecture),
    os: "linux",
    config: {
      ...(user === undefined ? {} : { User: user }),
      Entrypoint: entrypoint,
      ...(command.length === 0 ? {} : { Cmd: command }),
      Env: Object.entries({ PATH: "/usr/local/bin:/usr/sbin:/usr/bin", ...environment }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      WorkingDir: "/",
      Labels: labels,
    },
    rootfs: { type: "layers", diff_ids: made.map(({ diffId }) => diffId) },
    history: layers.map(({ description }) => ({ created, created_by: description })),
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
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${prefix}.index.v1+json`,
      manifests: [{ ...manifest, platform: { os: "linux", architecture: debianArchitecture(architecture) } }],
    }),
  );
}

/** The digest of the image in a layout. */
export async function digestOf(layout: string): Promise<string> {
  const index = await readResult(layout, "index.json", indexSchema);
  return index.manifests[0].digest;
}

/** The blobs of the image in a layout, by its manifest. */
export async function blobsOf(layout: string): Promise<ImageBlobs> {
  const blob = (digest: string): string => `blobs/${digest.replace(":", "/")}`;
  const { config, layers } = await readResult(layout, blob(await digestOf(layout)), manifestSchema);
  return { config: blob(config.digest), layers: layers.map(({ digest }) => blob(digest)) };
}

/**
 * What Docker Engine needs of a layout beside it, as `manifest.json`, to load it by a name.
 * Source: https://github.com/moby/moby, image/tarexport: what `docker save` writes since version 25.
 */
export async function dockerManifest(layout: string, name: string): Promise<object> {
  const { config, layers } = await blobsOf(layout);
  return [{ Config: config, RepoTags: [name], Layers: layers }];
}

/** A tar archive whose bytes depend on nothing but the content of the tree and the time. */
export async function packDirectory(
  tools: ToolsRoot,
  tree: string,
  archive: string,
  epochSeconds: number,
): Promise<void> {
  const options = [
    "--sort=name",
    "--numeric-owner",
    `--mtime=@${epochSeconds}`,
    // File capabilities are extended attributes; the other times of pax would be those of this build.
    "--format=posix",
    "--pax-option=delete=atime,delete=ctime",
    "--xattrs",
    "--xattrs-include=security.capability",
  ];
  await runTool(tools, ["tar", "--create", `--file=${archive}`, `--directory=${tree}`, ...options, "."], {
    binds: [dirname(archive)],
    readOnlyBinds: [tree],
  });
}

async function addJson(directory: string, mediaType: string, value: unknown): Promise<Descriptor> {
  const text = JSON.stringify(value);
  const digest = createHash("sha256").update(text).digest("hex");
  await writeFile(join(directory, "blobs/sha256", digest), text);
  return { mediaType, digest: `sha256:${digest}`, size: Buffer.byteLength(text) };
}
