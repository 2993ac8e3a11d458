/** The machine's consoles: whoever sits before a screen and whoever reads a serial line see the same. */
import { closeSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { onOneLine } from "../lib/text/printable.ts";

/** Lines for whoever looks. */
export type Say = (text: string) => void;

/** Those that the kernel writes to. */
export async function openConsoles(): Promise<Say> {
  const active = (await readFile("/sys/class/tty/console/active", "utf8")).trim().split(" ");
  return (text) => {
    const lines = text.split("\n").map((line) => `orlop: ${onOneLine(line)}\r\n`);
    for (const name of active) write(`/dev/${name}`, lines.join(""));
  };
}

/** A console that does not work keeps nobody from the others. */
function write(path: string, text: string): void {
  try {
    const fd = openSync(path, "a");
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    process.stderr.write(`cannot write to ${path}: ${String(error)}\n`);
  }
}
