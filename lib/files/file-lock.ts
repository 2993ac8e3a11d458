/**
 * Locks that the kernel gives back when their holder ends, however it ends: flock(2), through the C library.
 *
 * The file of a lock stays where it is; that it exists says nothing. Readers of numbers of processes are not needed, so
 * containers with numbers of their own may share what is locked.
 */
import { dlopen, FFIType, read } from "bun:ffi";
import { type FileHandle, open, stat } from "node:fs/promises";
import { Failure, isNotFound } from "../failure.ts";

const LOCK_EX_NB = 2 | 4;
const EINTR = 4;
const EWOULDBLOCK = 11;

/** The library is opened at the first lock: programs that need none do not pay for it. */
function openLibrary() {
  return dlopen("libc.so.6", {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    __errno_location: { args: [], returns: FFIType.ptr },
  }).symbols;
}

let opened: ReturnType<typeof openLibrary> | undefined;

/** Takes the exclusive lock of an open file; false when another holds it. Closing the file gives it back. */
export function lockExclusively(fd: number): boolean {
  const libc = (opened ??= openLibrary());
  for (;;) {
    if (libc.flock(fd, LOCK_EX_NB) === 0) return true;
    const address = libc.__errno_location();
    const errno = address === null ? 0 : read.i32(address);
    if (errno === EWOULDBLOCK) return false;
    if (errno !== EINTR) throw new Failure("system-call", `cannot lock file descriptor ${fd}: errno ${errno}`);
  }
}

/**
 * Opens a file for reading and appending, made when it is not there, with its lock; undefined when another holds it.
 * Who keeps no reference to the open file loses the lock when the runtime collects it.
 *
 * Whoever holds the lock may rename or remove the file: then this is about the file that has the name now.
 */
export async function openLocked(path: string): Promise<FileHandle | undefined> {
  for (;;) {
    const file = await open(path, "a+", 0o644);
    await using opened = new AsyncDisposableStack();
    opened.defer(async () => await file.close());
    if (!lockExclusively(file.fd)) return undefined;
    if (!(await stillNames(path, file))) continue;
    opened.move(); // it stays open
    return file;
  }
}

const pollMs = 250;

/**
 * The same, waiting until nobody else holds it.
 *
 * @throws what the signal aborts with
 */
export async function waitForLock(
  path: string,
  clock: { sleep(ms: number, signal: AbortSignal): Promise<void> },
  signal: AbortSignal,
): Promise<FileHandle> {
  for (;;) {
    const file = await openLocked(path);
    if (file !== undefined) return file;
    await clock.sleep(pollMs, signal);
  }
}

async function stillNames(path: string, file: FileHandle): Promise<boolean> {
  try {
    const [named, opened] = [await stat(path), await file.stat()];
    return named.ino === opened.ino && named.dev === opened.dev;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
