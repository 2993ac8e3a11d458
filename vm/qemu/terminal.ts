/** Connects a person's terminal with a machine's serial console, in both directions. */
import type { ReadStream } from "node:tty";
import { connectUnix } from "./unix-socket.ts";

/** Ctrl-]: the key that leaves the console, as in telnet and virsh. */
const leaveKey = 0x1d;

/** Ends when the person presses Ctrl-], when the machine goes away, or when the signal aborts. */
export async function attach(socketPath: string, signal: AbortSignal): Promise<void> {
  const socket = await connectUnix(socketPath);
  const { stdin, stdout } = process;
  const leave = (): void => void socket.destroy();
  const typed = (bytes: Buffer): void => {
    const end = bytes.indexOf(leaveKey);
    socket.write(end === -1 ? bytes : bytes.subarray(0, end));
    if (end !== -1) leave();
  };
  const shown = (bytes: Buffer): void => void stdout.write(bytes);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  signal.addEventListener("abort", leave, { once: true });
  using _raw = rawMode(stdin);
  try {
    socket.on("data", shown);
    socket.on("error", leave);
    stdin.on("data", typed);
    stdin.resume();
    await closed;
  } finally {
    signal.removeEventListener("abort", leave);
    stdin.off("data", typed);
    stdin.pause();
  }
}

/** Keys reach the machine one by one and unechoed, Ctrl-C included, for as long as this lives. */
function rawMode(stdin: ReadStream): Disposable {
  if (stdin.isTTY) stdin.setRawMode(true);
  return {
    [Symbol.dispose]() {
      if (stdin.isTTY) stdin.setRawMode(false);
    },
  };
}
