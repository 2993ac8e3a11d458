/** What a machine has written to its serial console, which QEMU keeps in a log file. */
import { open } from "node:fs/promises";
import { machineClock } from "../../lib/clock.ts";
import { isNotFound } from "../../lib/failure.ts";
import { partsOf } from "../../lib/files/read-to-end.ts";

const pollMs = 100;

/** All lines from `fromByte` on, without the terminal's control sequences. An unfinished last line counts. */
export async function readLines(path: string, fromByte = 0): Promise<string[]> {
  const lines = plain(await readFrom(path, fromByte)).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Waits for a line that matches, in what was written from `fromByte` on, and gives the match. */
export async function waitForLine(
  path: string,
  pattern: RegExp,
  { signal, fromByte = 0 }: { signal: AbortSignal; fromByte?: number },
): Promise<RegExpExecArray> {
  for (;;) {
    for (const line of await readLines(path, fromByte)) {
      const match = pattern.exec(line);
      if (match !== null) return match;
    }
    await machineClock.sleep(pollMs, signal);
  }
}

/** Gives the console's text as it comes, from its beginning, until the signal aborts. */
export async function* follow(path: string, signal: AbortSignal): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for (let offset = 0; ;) {
    const bytes = await readFrom(path, offset);
    offset += bytes.length;
    if (bytes.length > 0) yield decoder.decode(bytes, { stream: true });
    if (signal.aborted) return;
    await machineClock.sleep(pollMs, signal).catch(() => undefined); // one more look, then the end
  }
}

/** Text without colours, cursor movements and carriage returns; what is no UTF-8 is replaced. */
export function plain(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes).replaceAll("\x1bc", ""); // ESC c, a full reset, is not known to Bun
  return Bun.stripANSI(text).replaceAll(/[^\P{Cc}\n\t]/gu, "");
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  try {
    await using file = await open(path, "r");
    return Buffer.concat(await Array.fromAsync(partsOf(file, offset)));
  } catch (error) {
    if (isNotFound(error)) return Buffer.alloc(0);
    throw error;
  }
}
