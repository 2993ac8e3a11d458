/**
 * Brings an image into containerd, which fetches, unpacks and keeps it (its Transfer service), and knows mirrors by the
 * files that are rendered for it. What is ours: whether to ask at all, the credentials, and when it has taken too long.
 *
 * What a digest names is never fetched twice. A tag is asked for again, and when no registry answers the image that is
 * there already is used, so that a host starts its containers offline.
 */
import { create } from "@bufbuild/protobuf";
import type { Clock } from "../../../lib/clock.ts";
import { Failure } from "../../../lib/failure.ts";
import { firstOf } from "../../../lib/first-of.ts";
import type { Log } from "../../machine/system.ts";
import {
  ImageStoreSchema,
  OCIRegistrySchema,
  RegistryResolverSchema,
  UnpackConfigurationSchema,
} from "../containerd/api/transfer-types_pb.ts";
import { PlatformSchema } from "../containerd/api/types_pb.ts";
import { snapshotter, type Containerd } from "../containerd/containerd.ts";
import { openLease } from "../containerd/leases.ts";
import { openStream, packed } from "../containerd/streams.ts";
import { usedLabel } from "../garbage.ts";
import { imageHere, platform, settleOnManifest, type PulledImage } from "../image.ts";
import { PullProgress } from "./pull-progress.ts";
import { answering } from "../registry/credentials.ts";
import type { Reference } from "../registry/reference.ts";
import type { Registries } from "../registry/registries.ts";

export type PullContext = {
  containerd: Containerd;
  registries: Registries;
  /** With the hosts.toml of each registry, as containerd sees it. */
  hostsDirectory: string;
  clock: Clock;
  log: Log;
};

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
  const { containerd, log } = context;
  const { name } = reference;
  const known = await imageHere(containerd, name);
  if (known === undefined || reference.digest === undefined) {
    try {
      await transfer(context, name, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (known === undefined) throw error;
      const { cause } = error instanceof Error ? error : {};
      const why = cause instanceof Error ? cause.message : String(error);
      log.info(`image: ${name} could not be asked for, so the one that is here is used: ${why}`);
    }
  }
  await noteUse(containerd, context.clock, name);
  const image = await imageHere(containerd, name);
  if (image === undefined) throw new Failure("no-image", `cannot get image ${name}: it went while it was pulled`);
  if (image.digest !== known?.digest) log.info(`image: ${name} is ${image.digest}`);
  return image;
}

/** An image that nobody uses goes after a while. */
export async function noteUse({ images }: Containerd, clock: Pick<Clock, "now">, name: string): Promise<void> {
  const { image } = await images.get({ name });
  if (image === undefined) return;
  await images.update({ image: { ...image, labels: { ...image.labels, [usedLabel]: clock.now().toISOString() } } });
}

/** Nothing that containerd has already is fetched, but what the name means. */
async function transfer(context: PullContext, name: string, signal: AbortSignal): Promise<void> {
  const { containerd, registries, hostsDirectory, clock, log } = context;
  log.info(`image: pulling ${name}`);
  const progress = new PullProgress(containerd, (text) => log.info(`image: ${name}: ${text}`));
  const credentials = answering(registries);
  await using lease = await openLease(containerd, clock);
  await using asked = await openStream(containerd, lease, credentials.answer);
  await using progressed = await openStream(containerd, lease, async (message) => {
    await progress.note(message);
    return undefined;
  });
  const request = {
    source: sourceOf(name, { authStream: asked.name, hostDir: hostsDirectory }),
    destination: destinationOf(name),
    options: { progressStream: progressed.name },
  };
  try {
    await firstOf(signal, [
      async (over) => void (await containerd.transfer.transfer(request, { ...lease.options, signal: over })),
      async (over) => await progress.untilTooSlow(clock, over),
    ]);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Failure("no-image", `cannot get image ${name}: no registry gave it`, { cause, ...credentials.hint() });
  }
  await settleOnManifest(containerd, name);
}

function sourceOf(reference: string, resolver: { authStream: string; hostDir: string }) {
  const message = { reference, resolver: create(RegistryResolverSchema, resolver) };
  return packed(OCIRegistrySchema, create(OCIRegistrySchema, message));
}

/** Unpacked under that name; of an index, only what this machine runs. */
export function destinationOf(name: string) {
  const machine = create(PlatformSchema, platform);
  return packed(
    ImageStoreSchema,
    create(ImageStoreSchema, {
      name,
      platforms: [machine],
      manifestLimit: 1,
      unpacks: [create(UnpackConfigurationSchema, { platform: machine, snapshotter })],
    }),
  );
}
