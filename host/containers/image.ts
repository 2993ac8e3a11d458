/** Images that containerd has: what they are made of, as a container needs to know it. */
import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import { DescriptorSchema } from "./containerd/api/types_pb.ts";
import { ifThere, type Containerd } from "./containerd/containerd.ts";

export type PulledImage = {
  digest: string;
  config: ImageConfig;
  /** Of the snapshot that has all layers. */
  chain: string;
};
export type ImageConfig = z.infer<typeof configSchema>["config"];

const descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.int(),
});
const indexSchema = z.object({
  manifests: z.array(
    descriptor.extend({ platform: z.object({ os: z.string(), architecture: z.string() }).exactOptional() }),
  ),
});
const manifestSchema = z.object({ config: descriptor, layers: z.array(descriptor) });
const configSchema = z.object({
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
  config: z
    .object({
      Entrypoint: z.array(z.string()).nullish(),
      Cmd: z.array(z.string()).nullish(),
      Env: z.array(z.string()).nullish(),
      WorkingDir: z.string().nullish(),
      User: z.string().nullish(),
      StopSignal: z.string().nullish(),
    })
    .default({}),
});

/** The kind of machine that this is, as images name it. */
export const platform = { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch };

/** The image of that name; undefined when there is none. */
export async function imageHere(containerd: Containerd, name: string): Promise<PulledImage | undefined> {
  const digest = (await ifThere(containerd.images.get({ name })))?.image?.target?.digest;
  return digest === undefined ? undefined : await readImage(containerd, digest);
}

/**
 * Lets a name that means an index, with an image for each kind of machine, mean the one for this machine: what containers
 * run, and all of it that is here.
 */
export async function settleOnManifest(containerd: Containerd, name: string): Promise<void> {
  const { image } = await containerd.images.get({ name });
  const index = indexSchema.safeParse(parseJson(await readBlob(containerd, image?.target?.digest ?? "")));
  if (image === undefined || !index.success) return;
  const { os, architecture } = platform;
  const manifest = index.data.manifests.find((each) => {
    return each.platform?.os === os && each.platform.architecture === architecture;
  });
  if (manifest === undefined) {
    throw new Failure("no-such-image", `cannot use ${name}: it has no image for ${os} on ${architecture}`);
  }
  const { mediaType, digest, size } = manifest;
  await containerd.images.update({
    image: { ...image, target: create(DescriptorSchema, { mediaType, digest, size: BigInt(size) }) },
  });
}

/** The sizes of the layers of an image, in bytes. */
export async function layerBytes(containerd: Pick<Containerd, "content">, digest: string): Promise<number[]> {
  return manifestSchema.parse(parseJson(await readBlob(containerd, digest))).layers.map(({ size }) => size);
}

async function readImage(containerd: Containerd, digest: string): Promise<PulledImage> {
  const { config } = manifestSchema.parse(parseJson(await readBlob(containerd, digest)));
  const image = configSchema.parse(parseJson(await readBlob(containerd, config.digest)));
  return { digest, config: image.config, chain: chainIds(image.rootfs.diff_ids).at(-1) ?? "" };
}

/** containerd takes no longer manifest, and of a configuration whatever its manifest says. */
const mostBlobBytes = 8 * 1024 * 1024;

/** containerd has compared it with digest and size. */
async function readBlob(containerd: Pick<Containerd, "content">, digest: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const { data } of containerd.content.read({ digest })) {
    bytes += data.length;
    if (bytes > mostBlobBytes) {
      throw new Failure("too-long", `cannot read ${digest}: it is longer than ${mostBlobBytes} bytes`);
    }
    parts.push(data);
  }
  return Buffer.concat(parts).toString();
}

/** Names of snapshots: each stands for a layer and all that is below it. Source: OCI image specification, config.md. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) chain.push(chainId(chain.at(-1) ?? "", diffId));
  return chain;
}

function chainId(parent: string, diffId: string): string {
  if (parent === "") return diffId;
  return `sha256:${createHash("sha256").update(`${parent} ${diffId}`).digest("hex")}`;
}
