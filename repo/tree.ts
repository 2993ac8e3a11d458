/**
 * One tree of TUF metadata on disk: what a host of one variant and architecture reads.
 *
 * Files are `N.root.json`, `N.targets.json`, `N.snapshot.json` and `timestamp.json` (consistent snapshots, TUF §6.2).
 * The timestamp is written last and replaces the old one in one step: until then clients see the old tree, whole.
 */
import { join } from "node:path";
import { MetaFile, Metadata, MetadataKind, Snapshot, Targets, Timestamp, type Root } from "@tufjs/models";
import { Failure } from "../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic, type Files } from "../lib/files/files.ts";
import { expiresAt, type ExpirationPolicy } from "./roles/expiration.ts";
import { specVersion } from "./roles/root-role.ts";
import { signMetadata, type Signer } from "./roles/signer.ts";

export type RoleTree = {
  targets: Metadata<Targets>;
  snapshot: Metadata<Snapshot>;
  timestamp: Metadata<Timestamp>;
};

/** What signing needs. */
export type Signing = { signers: readonly Signer[]; expirations: ExpirationPolicy; now: Date };

/**
 * Reads a tree and checks every signature, so that nothing tampered with is ever signed again.
 *
 * @param root the newest root, which must be trusted
 * @returns undefined when there is no tree yet
 * @throws {Failure<"bad-metadata">}
 */
export async function readRoleTree(directory: string, root: Metadata<Root>): Promise<RoleTree | undefined> {
  const timestampText = await readTextIfPresent(join(directory, "timestamp.json"));
  if (timestampText === undefined) return undefined;
  const timestamp = parsed(timestampText, "timestamp.json", (document) =>
    Metadata.fromJSON(MetadataKind.Timestamp, document),
  );
  const snapshotName = `${timestamp.signed.snapshotMeta.version}.snapshot.json`;
  const snapshot = parsed(await text(directory, snapshotName), snapshotName, (document) =>
    Metadata.fromJSON(MetadataKind.Snapshot, document),
  );
  const targetsName = `${snapshot.signed.meta["targets.json"]?.version ?? 0}.targets.json`;
  const targets = parsed(await text(directory, targetsName), targetsName, (document) =>
    Metadata.fromJSON(MetadataKind.Targets, document),
  );
  try {
    root.verifyDelegate("timestamp", timestamp);
    root.verifyDelegate("snapshot", snapshot);
    root.verifyDelegate("targets", targets);
  } catch (cause) {
    throw badMetadata(`cannot trust the metadata in ${directory}`, cause);
  }
  return { targets, snapshot, timestamp };
}

/**
 * Signs the successor of `previous` with the given targets.
 *
 * @throws {Failure<"too-few-signatures">}
 */
export async function signedTree(
  targetFiles: Targets["targets"],
  previous: RoleTree | undefined,
  root: Metadata<Root>,
  { signers, expirations, now }: Signing,
): Promise<RoleTree> {
  const common = (
    role: "targets" | "snapshot" | "timestamp",
  ): { version: number; specVersion: string; expires: string } => ({
    version: (previous?.[role].signed.version ?? 0) + 1,
    specVersion,
    expires: expiresAt(now, expirations[role]),
  });
  const targets = new Metadata(new Targets({ ...common("targets"), targets: targetFiles }));
  const snapshot = new Metadata(
    new Snapshot({
      ...common("snapshot"),
      meta: { "targets.json": new MetaFile({ version: targets.signed.version }) },
    }),
  );
  const timestamp = new Metadata(
    new Timestamp({ ...common("timestamp"), snapshotMeta: new MetaFile({ version: snapshot.signed.version }) }),
  );
  for (const [role, metadata] of [
    ["targets", targets],
    ["snapshot", snapshot],
    ["timestamp", timestamp],
  ] as const) {
    const ids = new Set(root.signed.roles[role]?.keyIDs);
    await signMetadata(
      metadata,
      signers.filter((signer) => ids.has(signer.key.keyID)),
    );
    try {
      root.verifyDelegate(role, metadata);
    } catch (cause) {
      throw new Failure(
        "too-few-signatures",
        `cannot sign ${role}: root version ${root.signed.version} asks for ${root.signed.roles[role]?.threshold ?? 1} of its keys`,
        {
          hint: "give a --key for each",
          cause,
        },
      );
    }
  }
  return { targets, snapshot, timestamp };
}

/** Writes a tree beside the old one, then makes it the current one. */
export async function writeTree(
  files: Files,
  directory: string,
  { targets, snapshot, timestamp }: RoleTree,
): Promise<void> {
  const write = (name: string, metadata: Metadata<Targets | Snapshot | Timestamp>): Promise<void> =>
    writeFileAtomic(join(directory, name), serialise(metadata), 0o644, files);
  await write(`${targets.signed.version}.targets.json`, targets);
  await write(`${snapshot.signed.version}.snapshot.json`, snapshot);
  await write("timestamp.json", timestamp);
}

export function serialise(metadata: Metadata<Root | Targets | Snapshot | Timestamp>): string {
  return `${JSON.stringify(metadata.toJSON(), null, 1)}\n`;
}

/** @throws {Failure<"bad-metadata">} */
export function parsed<T>(
  json: string,
  name: string,
  read: (document: Parameters<typeof Metadata.fromJSON>[1]) => T,
): T {
  try {
    return read(JSON.parse(json) as Parameters<typeof Metadata.fromJSON>[1]);
  } catch (cause) {
    throw badMetadata(`cannot read ${name}: it is not TUF metadata`, cause);
  }
}

/** What the library says of metadata is its answer and no bug of ours: its stack helps nobody. */
export function badMetadata(refusal: string, cause: unknown): Failure<"bad-metadata"> {
  return new Failure("bad-metadata", `${refusal}: ${cause instanceof Error ? cause.message : String(cause)}`);
}

async function text(directory: string, name: string): Promise<string> {
  const found = await readTextIfPresent(join(directory, name));
  if (found === undefined) throw new Failure("bad-metadata", `cannot read ${join(directory, name)}: it does not exist`);
  return found;
}
