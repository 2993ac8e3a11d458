/**
 * containerd's API over its unix socket, in one namespace.
 *
 * ```ts
 * using containerd = openContainerd("/run/host-containerd/containerd.sock", "default");
 * const { container } = await containerd.containers.get({ id: "admin" });
 * ```
 * What containerd refuses is a `ConnectError` with a gRPC code; `isNotThere` tells the one that callers act on. Source: containerd 2.4, api/services.
 */
import { Code, ConnectError, createClient, type Client, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { connect } from "node:net";
import { isNotFound } from "../../../lib/failure.ts";
import { Containers } from "./api/containers_pb.ts";
import { Content } from "./api/content_pb.ts";
import { Images } from "./api/images_pb.ts";
import { Leases } from "./api/leases_pb.ts";
import { Snapshots } from "./api/snapshots_pb.ts";
import { Streaming } from "./api/streaming_pb.ts";
import { Tasks } from "./api/tasks_pb.ts";
import { Transfer } from "./api/transfer_pb.ts";

export type Containerd = Disposable & {
  readonly containers: Client<typeof Containers>;
  readonly content: Client<typeof Content>;
  readonly images: Client<typeof Images>;
  readonly leases: Client<typeof Leases>;
  readonly snapshots: Client<typeof Snapshots>;
  readonly streaming: Client<typeof Streaming>;
  readonly tasks: Client<typeof Tasks>;
  readonly transfer: Client<typeof Transfer>;
};

/** Unpacked layers are kept by this one. */
export const snapshotter = "overlayfs";

/** The status of a process that runs. Source: api/types/task, Status. */
export const running = 2;

/** Connects at the first call, and again when containerd was restarted. */
export function openContainerd(socket: string, namespace: string): Containerd {
  // The name is never looked up: the connection is made below.
  const baseUrl = "http://containerd";
  const sessionManager = new Http2SessionManager(baseUrl, {}, { createConnection: () => connect(socket) });
  const inNamespace: Interceptor = (next) => async (request) => {
    request.header.set("containerd-namespace", namespace);
    return await next(request);
  };
  const transport = createGrpcTransport({ baseUrl, sessionManager, interceptors: [inNamespace] });
  return {
    containers: createClient(Containers, transport),
    content: createClient(Content, transport),
    images: createClient(Images, transport),
    leases: createClient(Leases, transport),
    snapshots: createClient(Snapshots, transport),
    streaming: createClient(Streaming, transport),
    tasks: createClient(Tasks, transport),
    transfer: createClient(Transfer, transport),
    [Symbol.dispose]: () => sessionManager.abort(),
  };
}

export function isNotThere(error: unknown): boolean {
  return error instanceof ConnectError && error.code === Code.NotFound;
}

/** containerd itself is gone, for example because it is being restarted; what it runs goes on. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof ConnectError)) return false;
  // While it is being restarted its socket may not be there, which the library calls an internal error.
  return awayCodes.includes(error.code) || isNotFound(error.cause);
}

/** A stream that the other side cut off ends as cancelled. */
const awayCodes = [Code.Unavailable, Code.Aborted, Code.Canceled];

/** What the call gives, or undefined when what it names is not there. */
export async function ifThere<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotThere(error)) return undefined;
    throw error;
  }
}
