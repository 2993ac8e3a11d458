/**
 * The few Linux calls of a host that neither Bun nor Node offers, through the C library; locks are in `lib/files/file-lock.ts`.
 *
 * The library is opened at the first call: commands that need none of this do not pay for it.
 * Sources: sd_notify(3), sd_listen_fds(3), unix(7), ioprio_set(2), kexec_file_load(2).
 */
import { dlopen, FFIType, ptr, read } from "bun:ffi";
import { closeSync, constants, openSync, readFileSync, readlinkSync, writeSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { endianness } from "node:os";
import { assert, Failure } from "../../lib/failure.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77;
const POSIX_FADV_DONTNEED = 4;
const MADV_PAGEOUT = 21;
const EPERM = 1;
const ESRCH = 3;
const EINVAL = 22;
const ENOPROTOOPT = 92;
const ENOKEY = 126;
const EKEYREJECTED = 129;
const sunPathBytes = 108;
const IOPRIO_WHO_PROCESS = 1;
const IOPRIO_CLASS_SHIFT = 13;
/** What a thread has that nobody gave one: as its CPU priority says. */
const IOPRIO_NONE = 0;
const IOPRIO_IDLE = 3 << IOPRIO_CLASS_SHIFT;
/** The C library has no function for them. */
const kexecFileLoadCalls = { x64: 320, arm64: 294 } as const;
const KEXEC_FILE_ON_CRASH = 2;
const ioctlCalls = { x64: 16, arm64: 29 } as const;
const FS_IOC_GETFLAGS = 0x80086601;
const FS_IOC_SETFLAGS = 0x40086602;
const FS_IMMUTABLE_FL = 0x10n;
const ioprioCalls = { x64: { set: 251, get: 252 }, arm64: { set: 30, get: 31 } } as const;

function open() {
  return dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64,
    },
    getsockopt: { args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
    posix_fadvise: { args: [FFIType.i32, FFIType.i64, FFIType.i64, FFIType.i32], returns: FFIType.i32 },
    madvise: { args: [FFIType.u64, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
    lsetxattr: {
      args: [FFIType.cstring, FFIType.cstring, FFIType.ptr, FFIType.u64, FFIType.i32],
      returns: FFIType.i32,
    },
    mkfifo: { args: [FFIType.cstring, FFIType.u32], returns: FFIType.i32 },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
    syscall: {
      args: [FFIType.i64, FFIType.i64, FFIType.i64, FFIType.i64, FFIType.i64, FFIType.i64],
      returns: FFIType.i64,
    },
    __errno_location: { args: [], returns: FFIType.ptr },
  }).symbols;
}

let opened: ReturnType<typeof open> | undefined;
const libc = (): ReturnType<typeof open> => (opened ??= open());

/**
 * Tells the service manager how this service does, for example `READY=1` or `WATCHDOG=1`.
 *
 * Does nothing and returns false when the service manager wants no notification (`NOTIFY_SOCKET` is not set).
 */
export function sdNotify(state: string): boolean {
  const path = process.env["NOTIFY_SOCKET"];
  if (path === undefined || path === "") return false;
  const name = Buffer.from(path);
  if (name.length >= sunPathBytes) throw new Failure("bad-socket", `cannot notify ${path}: the path is too long`);
  if (path.startsWith("@")) name[0] = 0; // an abstract socket
  const address = Buffer.alloc(2 + name.length);
  if (endianness() === "LE") address.writeUInt16LE(AF_UNIX);
  else address.writeUInt16BE(AF_UNIX);
  name.copy(address, 2);
  const message = Buffer.from(state);
  const c = libc();
  const socket = c.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) throw systemCallFailure("open a socket to notify", path);
  try {
    const sent = c.sendto(socket, ptr(message), message.length, MSG_NOSIGNAL, ptr(address), address.length);
    if (Number(sent) !== message.length) throw systemCallFailure("notify", path);
  } finally {
    c.close(socket);
  }
  return true;
}

/** The first that the service manager passes. */
const firstPassedDescriptor = 3;

/** The descriptor of the socket that the service manager listens on for this service; undefined when it has none. */
export function activationSocket(): number | undefined {
  const isForUs = process.env["LISTEN_PID"] === String(process.pid) && process.env["LISTEN_FDS"] === "1";
  return isForUs ? firstPassedDescriptor : undefined;
}

export type PeerCredentials = { pid: number; uid: number; gid: number };

/** Who is at the other end of a connected unix socket, as the kernel knows it. */
export function peerCredentials(fd: number): PeerCredentials {
  const credentials = new Int32Array(3);
  const length = new Uint32Array([credentials.byteLength]);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ptr(credentials), ptr(length)) !== 0) {
    throw systemCallFailure("read the peer of file descriptor", String(fd));
  }
  const [pid, uid, gid] = credentials;
  assert(pid !== undefined && uid !== undefined && gid !== undefined && length[0] === 12);
  return { pid, uid, gid };
}

/**
 * A descriptor of the process at the other end of a connected unix socket, for the caller to close; undefined when it is
 * gone. Unlike its number, it never stands for another process.
 */
export function peerProcess(fd: number): number | undefined {
  const descriptor = new Int32Array([-1]);
  const length = new Uint32Array([descriptor.byteLength]);
  if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, ptr(descriptor), ptr(length)) === 0) return descriptor[0];
  const error = errno();
  // Kernels before 6.5, which hosts do not have, know no such option.
  if ([ESRCH, EINVAL, ENOPROTOOPT].includes(error)) return undefined;
  throw systemCallFailure("read the peer of file descriptor", String(fd));
}

/** Makes a named pipe. */
export function makeFifo(path: string, mode: number): void {
  if (libc().mkfifo(ptr(Buffer.from(`${path}\0`)), mode) !== 0) throw systemCallFailure("make the pipe", path);
}

/** Gives a file a label of SELinux, as chcon(1) does; the kernel must have a policy. */
export function setLabel(path: string, label: string): void {
  const [target, name, value] = [path, "security.selinux", label].map((text) => Buffer.from(`${text}\0`));
  assert(target !== undefined && name !== undefined && value !== undefined);
  if (libc().lsetxattr(ptr(target), ptr(name), ptr(value), value.length, 0) === 0) return;
  throw systemCallFailure(`set the label ${label} of`, path);
}

/** Forgets what memory holds of an open file, so that the next read comes from the medium. Unsynced pages stay. */
export function dropPageCache(fd: number): void {
  const error = libc().posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  if (error !== 0) {
    throw new Failure("system-call", `cannot drop the page cache of file descriptor ${fd}: errno ${error}`);
  }
}

/**
 * Gives back the memory that holds pages of this program's executable. Those that are needed again come from the file; those
 * that another process has in use, too, stay. Sources: madvise(2), proc_pid_maps(5).
 */
export function dropProgramPages(): void {
  const program = readlinkSync("/proc/self/exe");
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const [, start, end, path] = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \d+ +(\/.*)$/.exec(line) ?? [];
    if (start === undefined || end === undefined || path !== program) continue;
    const [from, to] = [BigInt(`0x${start}`), BigInt(`0x${end}`)];
    if (libc().madvise(from, to - from, MADV_PAGEOUT) !== 0) throw systemCallFailure("give back pages of", program);
  }
}

/**
 * While it is not disposed, reads and writes of this process are served when nobody else wants the disk. Threads have a
 * class of their own each, and the runtime has many; those that start later get it from the one that starts them.
 */
export async function idleIo(): Promise<AsyncDisposable> {
  await setIoPriority(IOPRIO_IDLE);
  return { [Symbol.asyncDispose]: async () => await setIoPriority(IOPRIO_NONE) };
}

/** As ioprio_get(2) tells. */
export function isIoIdle(thread: number): boolean {
  return Number(libc().syscall(ioprioCall("get"), IOPRIO_WHO_PROCESS, thread, 0, 0, 0)) === IOPRIO_IDLE;
}

async function setIoPriority(priority: number): Promise<void> {
  for (const thread of await readdir("/proc/self/task")) {
    const result = libc().syscall(ioprioCall("set"), IOPRIO_WHO_PROCESS, Number(thread), priority, 0, 0);
    if (Number(result) !== 0 && errno() !== ESRCH) throw systemCallFailure("set the I/O priority of thread", thread);
  }
}

function ioprioCall(name: "set" | "get"): number {
  const calls = process.arch === "arm64" ? ioprioCalls.arm64 : ioprioCalls.x64;
  return calls[name];
}

/**
 * The kernel that takes over when the running one panics, by file descriptors of it and of its initrd. False when the
 * running one does not permit it: under lockdown it loads what is signed with a key that it knows and nothing else.
 * Source: Linux' kernel/kexec_file.c, kimage_validate_signature().
 *
 * @throws {Failure<"system-call">} also when the kernel has set no memory aside for it
 */
export function loadPanicKernel(kernel: number, initrd: number, commandLine: string): boolean {
  const text = Buffer.from(`${commandLine}\0`);
  const call = process.arch === "arm64" ? kexecFileLoadCalls.arm64 : kexecFileLoadCalls.x64;
  const result = libc().syscall(call, kernel, initrd, text.length, ptr(text), KEXEC_FILE_ON_CRASH);
  if (Number(result) === 0) return true;
  if ([EPERM, ENOKEY, EKEYREJECTED].includes(errno())) return false;
  throw systemCallFailure("load", "the crash kernel");
}

/**
 * Writes a variable of the firmware, which takes it as a whole or refuses it. What firmware may miss most, efivarfs guards
 * by the immutable flag.
 *
 * @throws {Failure<"system-call">} also when the firmware does not believe the signature
 */
export function writeFirmwareVariable(path: string, content: Buffer): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_CREAT, 0o644);
  try {
    const flags = new BigInt64Array(1);
    if (Number(libc().syscall(ioctlCall(), fd, FS_IOC_GETFLAGS, addressOf(flags), 0, 0)) !== 0) {
      throw systemCallFailure("read the flags of", path);
    }
    flags[0] = (flags[0] ?? 0n) & ~FS_IMMUTABLE_FL;
    if (Number(libc().syscall(ioctlCall(), fd, FS_IOC_SETFLAGS, addressOf(flags), 0, 0)) !== 0) {
      throw systemCallFailure("make writable", path);
    }
  } finally {
    closeSync(fd);
  }
  const writing = openSync(path, constants.O_WRONLY);
  try {
    writeSync(writing, content);
  } catch (cause) {
    throw new Failure("system-call", `cannot write ${path}: the firmware refuses it`, { cause });
  } finally {
    closeSync(writing);
  }
}

function ioctlCall(): number {
  return process.arch === "arm64" ? ioctlCalls.arm64 : ioctlCalls.x64;
}

/** Of memory that lives at least as long as the call it is given to. */
function addressOf(memory: BigInt64Array): number {
  return Number(ptr(memory));
}

/** Only right after a failed call, before anything else runs. */
function errno(): number {
  const location = libc().__errno_location();
  assert(location !== null);
  return read.i32(location);
}

function systemCallFailure(verb: string, object: string): Failure<"system-call"> {
  return new Failure("system-call", `cannot ${verb} ${object}: errno ${errno()}`);
}
