/** A listening unix socket that outlives who serves it, as systemd holds one for a service. */
import { dlopen, FFIType, ptr } from "bun:ffi";
import { endianness } from "node:os";

const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 1 | 0o2000000;
const backlog = 128;

export type ListeningSocket = Disposable & {
  /** A descriptor for whoever serves it next, who closes it. */
  duplicate(): number;
};

export function listenOn(path: string): ListeningSocket {
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    listen: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    dup: { args: [FFIType.i32], returns: FFIType.i32 },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  });
  const address = Buffer.concat([Buffer.alloc(2), Buffer.from(`${path}\0`)]);
  if (endianness() === "LE") address.writeUInt16LE(AF_UNIX);
  else address.writeUInt16BE(AF_UNIX);
  const fd = libc.socket(AF_UNIX, SOCK_STREAM_CLOEXEC, 0);
  if (fd < 0 || libc.bind(fd, ptr(address), address.length) !== 0 || libc.listen(fd, backlog) !== 0) {
    throw new Error(`cannot listen on ${path}`);
  }
  return { duplicate: () => libc.dup(fd), [Symbol.dispose]: () => void libc.close(fd) };
}
