/**
 * Brings an image into containerd: blobs, unpacked layers, and at last the name that keeps them.
 *
 * What a digest names is never fetched twice. A tag is asked for again, and when no registry answers the image that is
 * there already is used, so that a host starts its containers offline.
 */
import { createHash, randomUUID } from "node:crypto";
import { z } from "zod";
import { machineClock } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import type { Fetch } from "../../lib/files/http-redirects.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { Log } from "../machine/system.ts";
import { ifThere, isThereAlready, snapshotter, type Containerd } from "./containerd/containerd.ts";
import { usedLabel } from "./garbage.ts";
import { endpointsOf, type Capability, type Registries } from "./registry/registries.ts";
import { ImageRepository, manifestTypes } from "./registry/registry.ts";
import type { Reference } from "./registry/reference.ts";

export type PulledImage = {
  digest: string;
  config: ImageConfig;
  /** Of the snapshot that has all layers. */ chain: string;
};
export type ImageConfig = z.infer<typeof configSchema>["config"];
export type PullContext = { containerd: Containerd; registries: Registries; fetch: Fetch; log: Log };

const descriptor = z.object({
  mediaType: z.string(),
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  size: z.int(),
});
type Descriptor = z.infer<typeof descriptor>;
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

/** Each collection of garbage keeps what a label of this prefix names. */
const gcContent = "containerd.io/gc.ref.content";
const gcSnapshot = `containerd.io/gc.ref.snapshot.${snapshotter}`;

/**
 * The image of that name, from the registry or from what is there.
 *
 * @throws {Failure<"no-image">} when no registry has it and it is not there either; the cause says why
 */
export async function bringImage(
  context: PullContext,
  reference: Reference,
  signal: AbortSignal,
): Promise<PulledImage> {
  const image = await bring(context, reference, signal);
  await noteUse(context.containerd, reference);
  return image;
}

async function bring(context: PullContext, reference: Reference, signal: AbortSignal): Promise<PulledImage> {
  const { containerd, log } = context;
  const known = (await ifThere(containerd.images.get({ name: reference.name })))?.image?.target?.digest;
  if (known !== undefined && reference.digest !== undefined) return await readImage(containerd, known);
  try {
    return await pull(context, reference, known, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (known === undefined) throw error;
    const why = error instanceof Error ? error.message : String(error);
    log.info(`image: ${reference.name} could not be asked for, so the one that is here is used: ${why}`);
    return await readImage(containerd, known);
  }
}

async function noteUse({ images }: Containerd, { name }: Reference): Promise<void> {
  const { image } = await images.get({ name });
  if (image === undefined) return;
  await images.update({
    image: { ...image, labels: { ...image.labels, [usedLabel]: machineClock.now().toISOString() } },
  });
}

async function pull(
  context: PullContext,
  reference: Reference,
  known: string | undefined,
  signal: AbortSignal,
): Promise<PulledImage> {
  const { registries, fetch } = context;
  const able = (capability: Capability): ImageRepository[] =>
    endpointsOf(reference.registry, registries)
      .filter(({ capabilities }) => capabilities.includes(capability))
      .map((endpoint) => new ImageRepository(endpoint, reference, registries, fetch));
  // What a tag means, and what a digest names, may come from different places, as containerd has it.
  const sources = able(reference.digest === undefined ? "resolve" : "pull");
  const top = await fromFirst(context, reference, sources, signal, async (repository) =>
    repository.manifest(reference.digest ?? reference.tag, signal),
  );
  return await fromFirst(context, reference, able("pull"), signal, async (repository) => {
    const manifest = await forThisMachine(repository, top, signal);
    if (manifest.digest === known) return await readImage(context.containerd, known);
    return await store(context, repository, reference, manifest, signal);
  });
}

/** What the first of the repositories gives. @throws {Failure<"no-image">} when none does; the cause says why */
async function fromFirst<Result>(
  { log }: PullContext,
  { name }: Reference,
  repositories: readonly ImageRepository[],
  signal: AbortSignal,
  read: (repository: ImageRepository) => Promise<Result>,
): Promise<Result> {
  let refusal: unknown;
  for (const repository of repositories) {
    try {
      return await read(repository);
    } catch (error) {
      signal.throwIfAborted();
      log.info(`image: ${repository.address}: ${error instanceof Error ? error.message : String(error)}`);
      refusal = error;
    }
  }
  throw new Failure("no-image", `cannot get image ${name}: no registry gave it`, { cause: refusal });
}

type Manifest = { bytes: Uint8Array; digest: string; mediaType: string };

/** An index names an image for each kind of machine. */
async function forThisMachine(repository: ImageRepository, top: Manifest, signal: AbortSignal): Promise<Manifest> {
  const index = indexSchema.safeParse(parseJson(Buffer.from(top.bytes).toString()));
  if (!index.success) return top;
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const mine = index.data.manifests.find(
    ({ platform }) => platform?.os === "linux" && platform.architecture === architecture,
  );
  if (mine !== undefined) return await repository.manifest(mine.digest, signal);
  throw new Failure("no-such-image", `cannot use ${repository.address}: it has no image for linux on ${architecture}`);
}

async function store(
  { containerd, log }: PullContext,
  repository: ImageRepository,
  { name }: Reference,
  { bytes, digest, mediaType }: Manifest,
  signal: AbortSignal,
): Promise<PulledImage> {
  const { config, layers } = manifestSchema.parse(parseJson(Buffer.from(bytes).toString()));
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  log.info(`image: pulling ${name} from ${repository.address}, ${megabytes(total)} in ${layers.length} layers`);
  await using lease = await leased(containerd);
  const options = { headers: { "containerd-lease": lease.id }, signal };

  const progress = progressOf(total, (text) => log.info(`image: ${name}: ${text}`));
  const configBytes = await repository.config(config.digest, signal);
  verify(configBytes, config, repository);
  const image = configSchema.parse(parseJson(Buffer.from(configBytes).toString()));
  const chain = chainIds(image.rootfs.diff_ids);
  const top = chain.at(-1) ?? "";
  for (const layer of layers) {
    await writeBlob(containerd, layer, {}, options, async function* () {
      for await (const part of repository.layer(layer, signal)) {
        progress(part.length);
        yield part;
      }
    });
  }
  await writeBlob(containerd, config, { [gcSnapshot]: top }, options, () => once(configBytes));
  for (const [at, layer] of layers.entries()) {
    await unpack(containerd, layer, { parent: chain[at - 1] ?? "", name: chain[at] ?? "" }, options);
  }
  const labels = Object.fromEntries(
    [config, ...layers].map((blob, at) => [`${gcContent}.${at}`, blob.digest] as const),
  );
  const target = { mediaType: manifestTypes.includes(mediaType) ? mediaType : "", digest, size: bytes.length };
  await writeBlob(containerd, target, labels, options, () => once(bytes));
  const named = { image: { name, target: { mediaType: target.mediaType, digest, size: BigInt(target.size) } } };
  try {
    await containerd.images.create(named, options);
  } catch (error) {
    if (!isThereAlready(error)) throw error;
    await containerd.images.update(named, options);
  }
  log.info(`image: ${name} is ${digest}`);
  return { digest, config: image.config, chain: top };
}

type CallOptions = { headers: Record<string, string>; signal: AbortSignal };

/** containerd compares what came with digest and size before it keeps it. */
async function writeBlob(
  containerd: Containerd,
  { digest, size }: Descriptor,
  labels: Record<string, string>,
  options: CallOptions,
  parts: () => AsyncIterable<Uint8Array>,
): Promise<void> {
  if ((await ifThere(containerd.content.info({ digest }, options))) !== undefined) return;
  const ref = `pull-${digest}-${randomUUID()}`;
  const start = { ref, total: BigInt(size), expected: digest };
  let acknowledged = Promise.withResolvers<undefined>();
  async function* requests() {
    let offset = 0n;
    for await (const part of parts()) {
      for (let at = 0; at < part.length; at += messageBytes) {
        const data = part.subarray(at, at + messageBytes);
        acknowledged = Promise.withResolvers();
        yield { ...start, action: 1, offset, data };
        await acknowledged.promise;
        offset += BigInt(data.length);
      }
    }
    yield { ...start, action: 2, offset, labels };
  }
  try {
    for await (const _ of containerd.content.write(requests(), options)) acknowledged.resolve(undefined);
  } catch (error) {
    if (!isThereAlready(error)) throw error;
  }
}

/** One at a time, and smaller than the window of HTTP/2: Bun's client stalls when it must wait in the middle of one. */
const messageBytes = 32 * 1024;

async function unpack(
  containerd: Containerd,
  layer: Descriptor,
  { parent, name }: { parent: string; name: string },
  options: CallOptions,
): Promise<void> {
  const { snapshots } = containerd;
  if ((await ifThere(snapshots.stat({ snapshotter, key: name }, options))) !== undefined) return;
  const key = `unpack-${randomUUID()}`;
  const { mounts } = await snapshots.prepare({ snapshotter, key, parent }, options);
  const diff = { ...layer, size: BigInt(layer.size) };
  const { applied } = await containerd.diff.apply({ diff, mounts }, options);
  // The parent's chain and the layer's content are the name, so what was unpacked must be what the name says.
  if (chainId(parent, applied?.digest ?? "") !== name) {
    throw new Failure("hash-mismatch", `cannot unpack ${layer.digest}: its content is not what the image says`);
  }
  try {
    await snapshots.commit({ snapshotter, name, key }, options);
  } catch (error) {
    if (!isThereAlready(error)) throw error;
    await snapshots.remove({ snapshotter, key }, options);
  }
}

/** What is known of an image that is there. */
async function readImage(containerd: Containerd, digest: string): Promise<PulledImage> {
  const { config } = manifestSchema.parse(parseJson(await readBlob(containerd, digest)));
  const image = configSchema.parse(parseJson(await readBlob(containerd, config.digest)));
  return { digest, config: image.config, chain: chainIds(image.rootfs.diff_ids).at(-1) ?? "" };
}

async function readBlob(containerd: Containerd, digest: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const { data } of containerd.content.read({ digest })) parts.push(data);
  return Buffer.concat(parts).toString();
}

function verify(bytes: Uint8Array, { digest }: Descriptor, repository: ImageRepository): void {
  const came = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  if (came === digest) return;
  throw new Failure("hash-mismatch", `cannot use ${repository.address}@${digest}: what came has the digest ${came}`);
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

/** Keeps what is being made until it has a name; an abandoned one ends by itself. */
async function leased(containerd: Containerd): Promise<AsyncDisposable & { id: string }> {
  const id = `pull-${randomUUID()}`;
  const expires = new Date(machineClock.now().getTime() + leaseMs).toISOString();
  await containerd.leases.create({ id, labels: { "containerd.io/gc.expire": expires } });
  return { id, [Symbol.asyncDispose]: async () => void (await containerd.leases.delete({ id })) };
}

const leaseMs = 24 * 60 * 60_000;

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** A line for each tenth. */
function progressOf(total: number, report: (text: string) => void): (bytes: number) => void {
  let done = 0;
  let tenth = 0;
  return (bytes) => {
    done += bytes;
    const now = Math.floor((done * 10) / Math.max(1, total));
    if (now <= tenth) return;
    tenth = now;
    report(`${megabytes(done)} of ${megabytes(total)}`);
  };
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
