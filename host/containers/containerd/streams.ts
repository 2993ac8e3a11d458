/**
 * Streams of containerd: messages both ways beside a call, which knows the stream by its name.
 *
 * Source: containerd 2.4, plugins/services/streaming/service.go: our first message names the stream, and the first that
 * comes says that it is known by that name.
 */
import { randomUUID } from "node:crypto";
import { create, toBinary, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { AnySchema, type Any } from "@bufbuild/protobuf/wkt";
import { createWritableIterable } from "@connectrpc/connect/protocol";
import type { Containerd } from "./containerd.ts";
import type { ContainerdLease } from "./leases.ts";
import { StreamInitSchema } from "./api/streaming_pb.ts";

/** What containerd reads: a message under its full name. */
export function packed<Schema extends DescMessage>(schema: Schema, message: MessageShape<Schema>): Any {
  return create(AnySchema, { typeUrl: schema.typeName, value: toBinary(schema, message) });
}

export type OpenStream = AsyncDisposable & {
  name: string;
  /** Resolves when it is on its way. */
  send: (message: Any) => Promise<void>;
  /** Tells that nothing more is sent; what comes is still read. */
  end: () => void;
};

/**
 * Opens a stream, for a call that is given its name.
 *
 * @param lease keeps it: the collector takes streams that nobody has a lease on
 * @param answer what to say to a message, if anything; they are answered one after the other
 */
export async function openStream(
  { streaming }: Pick<Containerd, "streaming">,
  lease: ContainerdLease,
  answer: (message: Any) => Promise<Any | undefined>,
): Promise<OpenStream> {
  const name = randomUUID();
  const closed = new AbortController();
  const outgoing = createWritableIterable<Any>();
  const opened = Promise.withResolvers<undefined>();
  const converse = async (): Promise<void> => {
    let isOpen = false;
    for await (const message of streaming.stream(outgoing, { ...lease.options, signal: closed.signal })) {
      if (isOpen) {
        const reply = await answer(message);
        if (reply !== undefined) await outgoing.write(reply);
      } else {
        isOpen = true;
        opened.resolve(undefined);
      }
    }
  };
  // Whoever cuts it off, we or containerd: the call that it is beside tells what went wrong.
  const conversation = converse().catch((error: unknown) => opened.reject(error));
  void outgoing.write(packed(StreamInitSchema, create(StreamInitSchema, { id: name }))).catch(() => undefined);
  await opened.promise;
  return {
    name,
    send: async (message) => await outgoing.write(message),
    end: () => outgoing.close(),
    async [Symbol.asyncDispose]() {
      outgoing.close();
      closed.abort();
      await conversation;
    },
  };
}
