/**
 * An EBS snapshot of a disk image, written by the EBS direct APIs.
 *
 * Blocks go up many at a time, each with its hash, which EBS checks before it answers; the hash over all of them is
 * checked when the snapshot is completed. How far it came stands in a record beside the image, so that an upload that
 * broke off goes on where it was.
 */
import { CompleteSnapshotCommand, PutSnapshotBlockCommand, StartSnapshotCommand } from "@aws-sdk/client-ebs";
import { DescribeSnapshotsCommand } from "@aws-sdk/client-ec2";
import { z } from "zod";
import { type Clock, deadline } from "../../lib/clock.ts";
import { assert, Failure } from "../../lib/failure.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import { readRecord } from "../../lib/files/record.ts";
import { progress } from "../../lib/progress.ts";
import type { RegionAccess } from "./access.ts";
import { awsError } from "./aws-error.ts";
import { pauses } from "./pauses.ts";
import { blockBytes, type DiskBlocks, linearChecksum, openBlocks, volumeGib } from "./disk-blocks.ts";

const recordSchema = z.strictObject({
  /** What an answer to StartSnapshot that was lost is asked for again with. */
  token: z.uuid(),
  /** Of the image: another one begins anew. */
  checksum: z.string(),
  snapshot: z.string().optional(),
  /** So many blocks are written, in their order. */
  blocks: z.int().nonnegative(),
});
type UploadRecord = z.infer<typeof recordSchema>;

/** As many as AWS's own tools have under way. */
const parallelBlocks = 64;
/** How often the record follows. Blocks that are written twice do no harm. */
const blocksPerRecord = 256;
/** EBS gives a snapshot up that no block came to for so long: as long as an upload may rest before it goes on. */
const restMinutes = 24 * 60;

const completedMs = 3_600_000;

export type SnapshotOptions = {
  description: string;
  /** Where it is kept how far an upload came. */
  record: string;
  clock: Clock;
  signal: AbortSignal;
};

/**
 * Writes the image to a snapshot, or goes on with one, and waits until it is complete.
 *
 * @returns the snapshot's name
 * @throws {Failure<"snapshot-failed">}
 */
export async function uploadSnapshot(
  access: RegionAccess,
  disk: DiskBlocks,
  options: SnapshotOptions,
): Promise<string> {
  const begun = await recordOf(access, disk, options);
  const snapshot = begun.snapshot ?? (await startSnapshot(access, disk, begun, options));
  const record = { ...begun, snapshot };
  await keep(options.record, record);
  if ((await stateOf(access, snapshot, options.signal)) === "pending") {
    await writeBlocks(access, disk, record, options);
    await completeSnapshot(access, disk, snapshot, options.signal);
  }
  await untilCompleted(access, snapshot, options);
  return snapshot;
}

/** What an earlier upload of the same image left, as long as EBS still has it; otherwise the beginning. */
async function recordOf(
  access: RegionAccess,
  disk: DiskBlocks,
  { record: path, signal }: SnapshotOptions,
): Promise<UploadRecord> {
  const checksum = linearChecksum(disk);
  const record = await readRecord(path, recordSchema, `remove ${path}, and the upload begins anew`);
  if (record?.checksum === checksum) {
    const state = record.snapshot === undefined ? "pending" : await stateOf(access, record.snapshot, signal);
    if (state === "pending" || state === "completed") return record;
  }
  const anew: UploadRecord = { token: crypto.randomUUID(), checksum, blocks: 0 };
  await keep(path, anew);
  return anew;
}

async function keep(path: string, record: UploadRecord): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(record)}\n`);
}

async function startSnapshot(
  { ebs }: RegionAccess,
  disk: DiskBlocks,
  { token }: UploadRecord,
  { description, signal }: SnapshotOptions,
): Promise<string> {
  const { SnapshotId } = await ebs.send(
    new StartSnapshotCommand({
      VolumeSize: volumeGib(disk),
      Description: description,
      ClientToken: token,
      Timeout: restMinutes,
      Tags: [{ Key: "Name", Value: description }],
    }),
    { abortSignal: signal },
  );
  assert(SnapshotId !== undefined, "a snapshot that was started has a name");
  return SnapshotId;
}

async function writeBlocks(
  access: RegionAccess,
  disk: DiskBlocks,
  record: UploadRecord & { snapshot: string },
  { record: path, signal }: SnapshotOptions,
): Promise<void> {
  await using file = await openBlocks(disk);
  using bar = progress(`uploading to ${access.region}`, disk.blocks.length * blockBytes);
  bar.advance(record.blocks * blockBytes);
  for (let at = record.blocks; at < disk.blocks.length; at += blocksPerRecord) {
    const batch = disk.blocks.slice(at, at + blocksPerRecord);
    await eachInParallel(batch, parallelBlocks, async ({ index, sha256 }) => {
      const BlockData = await file.read(index);
      const put = new PutSnapshotBlockCommand({
        SnapshotId: record.snapshot,
        BlockIndex: index,
        BlockData,
        DataLength: blockBytes,
        Checksum: sha256.toString("base64"),
        ChecksumAlgorithm: "SHA256",
      });
      await access.ebs.send(put, { abortSignal: signal });
      bar.advance(blockBytes);
    });
    await keep(path, { ...record, blocks: at + batch.length });
  }
}

/** Ends with the first failure, after those that are under way. */
export async function eachInParallel<Item>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const lanes = Array.from({ length: Math.min(most, items.length) }, async () => {
    for (const item of rest) await work(item);
  });
  const outcomes = await Promise.allSettled(lanes);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

async function completeSnapshot(
  { ebs }: RegionAccess,
  disk: DiskBlocks,
  snapshot: string,
  signal: AbortSignal,
): Promise<void> {
  const complete = new CompleteSnapshotCommand({
    SnapshotId: snapshot,
    ChangedBlocksCount: disk.blocks.length,
    Checksum: linearChecksum(disk),
    ChecksumAlgorithm: "SHA256",
    ChecksumAggregationMethod: "LINEAR",
  });
  await ebs.send(complete, { abortSignal: signal });
}

async function untilCompleted(
  access: RegionAccess,
  snapshot: string,
  { clock, signal }: SnapshotOptions,
): Promise<void> {
  const end = deadline(clock, completedMs);
  for (const pause of pauses()) {
    const state = await stateOf(access, snapshot, signal);
    if (state === "completed") return;
    if (state !== "pending" || end.passed) {
      throw new Failure(
        "snapshot-failed",
        `cannot use the snapshot ${snapshot} in ${access.region}: it is ${state ?? "gone"}${end.passed ? " for an hour" : ""}`,
      );
    }
    await clock.sleep(pause, signal);
  }
}

/** As DescribeSnapshots has it: "pending", "completed", "error"; undefined when there is no such snapshot. */
async function stateOf({ ec2 }: RegionAccess, snapshot: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { Snapshots } = await ec2.send(new DescribeSnapshotsCommand({ SnapshotIds: [snapshot] }), {
      abortSignal: signal,
    });
    return Snapshots?.[0]?.State;
  } catch (error) {
    if (awsError(error) === "InvalidSnapshot.NotFound") return undefined;
    throw error;
  }
}
