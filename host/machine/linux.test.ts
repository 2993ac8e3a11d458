import { expect, test } from "bun:test";
import { dlopen, FFIType, ptr } from "bun:ffi";
import { copyFile, mkdtemp, open, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idleIo, isIoIdle, peerCredentials, sdNotify } from "./linux.ts";

async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "orlop-linux-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test("a connection tells which process is at its other end", async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, "socket");
  const { promise, resolve, reject } = Promise.withResolvers<ReturnType<typeof peerCredentials>>();
  const server = Bun.listen({
    unix: path,
    socket: {
      data: () => undefined,
      open(socket) {
        try {
          resolve(peerCredentials(Number(Reflect.get(socket, "fd"))));
        } catch (error) {
          reject(error);
        }
        socket.end();
      },
    },
  });
  await Bun.connect({ unix: path, socket: { data: () => undefined } });
  expect(await promise).toEqual({ pid: process.pid, uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 });
  server.stop(true);
});

test("a descriptor that is no socket has no peer", async () => {
  await using file = await open("/dev/null");
  expect(() => peerCredentials(file.fd)).toThrow("cannot read the peer of file descriptor");
});

test("nobody is notified when the service manager did not ask", () => {
  expect(process.env["NOTIFY_SOCKET"]).toBeUndefined();
  expect(sdNotify("READY=1")).toBe(false);
});

test("a notification arrives as one datagram, through a path and through an abstract name", async () => {
  await using directory = await temporaryDirectory();
  for (const address of [join(directory.path, "notify"), `@orlop-notify-${process.pid}`]) {
    using receiver = receiveDatagrams(address);
    process.env["NOTIFY_SOCKET"] = address;
    try {
      expect(sdNotify("READY=1\nSTATUS=up")).toBe(true);
    } finally {
      delete process.env["NOTIFY_SOCKET"];
    }
    expect(receiver.next()).toBe("READY=1\nSTATUS=up");
  }
});

test("a service manager that is gone is a failure that names its socket", async () => {
  await using directory = await temporaryDirectory();
  process.env["NOTIFY_SOCKET"] = join(directory.path, "nobody");
  try {
    expect(() => sdNotify("READY=1")).toThrow("nobody: errno 2");
  } finally {
    delete process.env["NOTIFY_SOCKET"];
  }
});

/** The service manager's end of a notification socket; neither Bun nor Node has unix datagrams. */
function receiveDatagrams(address: string): Disposable & { next(): string } {
  const { symbols: libc } = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
    recv: { args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i64 },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  });
  const socket = libc.socket(1, 2, 0);
  const name = Buffer.from(`\x01\x00${address.replace(/^@/, "\0")}`);
  expect(libc.bind(socket, ptr(name), name.length)).toBe(0);
  return {
    next() {
      const datagram = Buffer.alloc(1024);
      return datagram.toString("utf8", 0, Number(libc.recv(socket, ptr(datagram), datagram.length, 0x40)));
    },
    [Symbol.dispose]: () => void libc.close(socket),
  };
}

test("a program gives back the pages of its executable, and goes on", async () => {
  await using directory = await temporaryDirectory();
  // Of its own: pages that another process has in use stay. On the medium: what is only in memory cannot be given back.
  const program = join(directory.path, "program");
  await copyFile(process.execPath, program);
  await using file = await open(program);
  await file.datasync();
  const script = `
    import { dropProgramPages } from ${JSON.stringify(join(import.meta.dir, "linux.ts"))};
    import { readFileSync } from "node:fs";
    const resident = () => Number(/^RssFile:\\s+(\\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
    const before = resident();
    dropProgramPages();
    console.log(resident() / before);
  `;
  const ended = Bun.spawnSync([program, "--eval", script]);
  expect(ended.stderr.toString()).toBe("");
  expect(Number(ended.stdout.toString())).toBeWithin(0.01, 0.7);
});

test("while an update is written every thread gives way to the I/O of others, and not afterwards", async () => {
  const idleThreads = async (): Promise<boolean[]> => (await readdir("/proc/self/task")).map(Number).map(isIoIdle);
  expect(await idleThreads()).not.toContain(true);
  {
    await using _idle = await idleIo();
    expect(await idleThreads()).not.toContain(false);
  }
  expect(await idleThreads()).not.toContain(true);
});
