/** What goes wrong between a mirror and the disk: bytes that are not those of the target, and a daemon that stops. */
import { realStorage, type Storage } from "../../../host/machine/storage.ts";

/** What a mirror makes of bytes of a target, by where the first of them stands in it. */
export type Treatment = (bytes: Uint8Array, from: number) => Uint8Array;

/** From which byte on a request asks; 0 when it names no range. See RFC 9110, 14.2. */
export function firstByte(headers: Headers): number {
  return Number(/bytes=(\d+)-/.exec(headers.get("range") ?? "")?.[1] ?? 0);
}

/** The answer with a body that was treated on the way. */
export function treated(response: Response, from: number, treatment: Treatment): Response {
  const { body, status, headers } = response;
  if (body === null) return response;
  const bytes = async function* (whole: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let at = from;
    for await (const piece of whole) {
      yield treatment(piece, at);
      at += piece.length;
    }
  };
  return new Response(bytes(body), { status, headers });
}

/** A disk on which the writer of one device is stopped behind the byte that `endsAt` tells at that moment. */
export function storageThatStops(path: string, endsAt: () => number): Storage {
  return {
    ...realStorage,
    async openDevice(at, bytes) {
      const device = await realStorage.openDevice(at, bytes);
      return {
        ...device,
        async write(offset, data) {
          if (at === path && offset > endsAt()) throw new Error("the daemon is stopping");
          await device.write(offset, data);
        },
      };
    },
  };
}
