/** What a build made: the machine-readable list of an image's artefacts, for publishing and for who boots it. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { z } from "zod";
import { measuredImage } from "../lib/tpm/measured-image.ts";
import { migration } from "../settings/migrations/migration.ts";
import { architectures } from "../variants/variant.ts";
import { sha256OfFile } from "./packages/cache.ts";

const artefactSchema = z.strictObject({
  /** Name of the file, beside the manifest. */
  name: z.string(),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/** How an update's file looks once it is unpacked onto its partition. */
const payloadSchema = artefactSchema.extend({
  unpackedBytes: z.int().positive(),
  unpackedSha256: artefactSchema.shape.sha256,
});

export const manifestSchema = z.strictObject({
  format: z.literal(1),
  variant: z.string(),
  architecture: z.enum(architectures),
  version: z.string(),
  commit: z.string(),
  /** dm-verity's root hash. */
  rootHash: artefactSchema.shape.sha256,
  disk: artefactSchema,
  root: payloadSchema,
  hash: payloadSchema,
  unifiedImage: artefactSchema,
  /** What a TPM holds once the image runs; images of older builds do not say it. */
  measured: measuredImage.optional(),
  sbom: artefactSchema,
  /** What kernel modules for its hosts are built with, where it was asked for. */
  moduleKit: artefactSchema.optional(),
  /** Archives of the images of containers that come with it, by name: "admin". */
  companions: z.record(z.string(), artefactSchema).optional(),
  /** Every one that the image carries. */
  migrations: z.array(migration).default([]),
});

/** All that is published or released of a build, beside its list. */
export function artefactsOf({
  disk,
  root,
  hash,
  unifiedImage,
  sbom,
  moduleKit,
  companions = {},
}: ImageManifest): Artefact[] {
  const further = moduleKit === undefined ? [] : [moduleKit];
  return [disk, root, hash, unifiedImage, sbom, ...further, ...Object.values(companions)];
}

export type ImageManifest = z.infer<typeof manifestSchema>;
export type Artefact = z.infer<typeof artefactSchema>;
export type Payload = z.infer<typeof payloadSchema>;

export async function artefact(path: string): Promise<Artefact> {
  const [{ size }, sha256] = await Promise.all([stat(path), sha256OfFile(path)]);
  return { name: basename(path), bytes: size, sha256 };
}

export async function payload(path: string, unpacked: string): Promise<Payload> {
  const whole = await artefact(unpacked);
  return { ...(await artefact(path)), unpackedBytes: whole.bytes, unpackedSha256: whole.sha256 };
}
