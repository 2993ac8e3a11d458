/**
 * Takes an OCI layout in a tar archive into containerd, by its Transfer service: what a pull does, from a file.
 *
 * Source: containerd 2.4, core/transfer/streaming: we send no more than it has made room for.
 */
import { create, fromBinary } from "@bufbuild/protobuf";
import { abortable } from "../../../lib/abortable.ts";
import type { Clock } from "../../../lib/clock.ts";
import { Failure } from "../../../lib/failure.ts";
import { firstOf } from "../../../lib/first-of.ts";
import { DataSchema, ImageImportStreamSchema, WindowUpdateSchema } from "../containerd/api/transfer-types_pb.ts";
import type { Containerd } from "../containerd/containerd.ts";
import { openLease } from "../containerd/leases.ts";
import { openStream, packed, type OpenStream } from "../containerd/streams.ts";
import { settleOnManifest } from "../image.ts";
import { destinationOf } from "../pull/pull.ts";

/** Half of the room that containerd makes at once. Source: maxRead of its core/transfer/streaming. */
const pieceBytes = 32 * 1024;

/**
 * Under that name, unpacked.
 *
 * @throws {Failure<"no-image">} when containerd does not take it
 */
export async function importArchive(
  { containerd, clock }: { containerd: Containerd; clock: Clock },
  path: string,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await using lease = await openLease(containerd, clock);
  const room = new Room();
  await using stream = await openStream(containerd, lease, async ({ value }) => {
    room.add(fromBinary(WindowUpdateSchema, value).update);
    return await Promise.resolve(undefined);
  });
  const source = packed(ImageImportStreamSchema, create(ImageImportStreamSchema, { stream: stream.name }));
  try {
    await firstOf(signal, [
      async (over) =>
        void (await containerd.transfer.transfer(
          { source, destination: destinationOf(name) },
          { ...lease.options, signal: over },
        )),
      async (over) => await send(path, stream, room, over),
    ]);
  } catch (cause) {
    signal.throwIfAborted();
    throw new Failure("no-image", `cannot get image ${name}: containerd does not take ${path}`, { cause });
  }
  await settleOnManifest(containerd, name);
}

/** What may be sent, in bytes. */
class Room {
  #bytes = 0;
  #more = Promise.withResolvers<undefined>();

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#more.resolve(undefined);
    this.#more = Promise.withResolvers();
  }

  async take(bytes: number): Promise<void> {
    while (this.#bytes < bytes) await this.#more.promise;
    this.#bytes -= bytes;
  }
}

/** Ends when it is aborted: whether all of it was of use, the transfer tells. */
async function send(path: string, stream: OpenStream, room: Room, over: AbortSignal): Promise<void> {
  for await (const data of piecesOf(path)) {
    await abortable(room.take(data.length), over);
    await abortable(stream.send(packed(DataSchema, create(DataSchema, { data }))), over);
  }
  stream.end();
  await abortable(new Promise<never>(() => undefined), over);
}

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  const archive = Bun.file(path);
  for (let at = 0; at < archive.size; at += pieceBytes) yield await archive.slice(at, at + pieceBytes).bytes();
}
