/**
 * How the API server reaches kubelets: guests live behind QEMU's network, where only forwarded ports of this computer
 * lead to. So the API server is configured to go through this proxy, and to name nodes rather than addresses.
 *
 * Source: apiserver.k8s.io/v1beta1, EgressSelectorConfiguration, HTTPConnect over a unix socket.
 */
import { connect, createServer, type Socket } from "node:net";
import { removeIfPresent } from "../../lib/files/files.ts";

/** The port of this computer behind which a node's kubelet is; undefined when no machine has that name. */
export type KubeletPort = (node: string) => Promise<number | undefined>;

const kubeletPort = 10250;
const headLimitBytes = 8 * 1024;

/** @param socketPath at most 107 bytes long */
export async function startEgress(socketPath: string, portOf: KubeletPort): Promise<AsyncDisposable> {
  await removeIfPresent(socketPath);
  const open = new Set<Socket>();
  const keep = (socket: Socket): void => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy()); // each side hears of the other's end below
  };
  const server = createServer((socket) => {
    keep(socket);
    let head = "";
    const onData = (data: Buffer): void => {
      head += data.toString("latin1");
      if (head.length > headLimitBytes) socket.destroy();
      // The API server says nothing more before it has its answer.
      if (!head.includes("\r\n\r\n")) return;
      socket.off("data", onData);
      socket.pause();
      forward(socket, head, portOf, keep).catch((error: unknown) => {
        refuse(socket, error instanceof Error ? error.message : String(error));
      });
    };
    socket.on("data", onData);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function forward(client: Socket, head: string, portOf: KubeletPort, keep: (socket: Socket) => void) {
  const node = nodeIn(head);
  const port = node === undefined ? undefined : await portOf(node);
  if (port === undefined) {
    refuse(client, node === undefined ? "not a kubelet" : `no machine ${node} runs`);
    return;
  }
  const kubelet = connect({ host: "127.0.0.1", port });
  keep(kubelet);
  kubelet.once("connect", () => {
    client.write("HTTP/1.1 200 OK\r\n\r\n");
    client.pipe(kubelet);
    kubelet.pipe(client);
  });
  kubelet.once("close", () => client.destroy());
  client.once("close", () => kubelet.destroy());
}

function refuse(client: Socket, reason: string): void {
  client.end(`HTTP/1.1 502 ${reason.replaceAll(/[^ -~]/g, " ")}\r\n\r\n`);
}

/** The node whose kubelet is asked for. */
export function nodeIn(head: string): string | undefined {
  const [, node, port] = /^CONNECT ([^\s:]+):(\d+) HTTP\/1\.1\r\n/.exec(head) ?? [];
  return Number(port) === kubeletPort ? node : undefined;
}
