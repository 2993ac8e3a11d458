/**
 * Connecting to a unix socket however deep its directory is.
 *
 * The kernel takes at most 107 bytes as a socket's path, and a work tree may be deeper than that. The directory is
 * opened, and the socket reached through /proc/self/fd. Source: unix(7).
 */
import { open } from "node:fs/promises";
import { createConnection, type Socket } from "node:net";
import { basename, dirname } from "node:path";
import { Failure } from "../../lib/failure.ts";

/** @throws {Failure<"cannot-connect">} when nobody listens there */
export async function connectUnix(path: string): Promise<Socket> {
  try {
    await using directory = await open(dirname(path), "r");
    const socket = createConnection({ path: `/proc/self/fd/${directory.fd}/${basename(path)}` });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return socket;
  } catch (error) {
    throw new Failure("cannot-connect", `cannot connect to ${path}`, { cause: error });
  }
}
