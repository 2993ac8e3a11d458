/** For a server that takes no port of its own choice. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** A TCP port of loopback that nobody listens on. Somebody may take it before its user does, which then reports that. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
