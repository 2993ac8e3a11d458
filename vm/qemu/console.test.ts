import { expect, test } from "bun:test";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { follow, plain, readLines, waitForLine } from "./console.ts";

async function logFile(): Promise<AsyncDisposable & { path: string }> {
  const directory = await mkdtemp(join(tmpdir(), "console-"));
  return {
    path: join(directory, "console.log"),
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true });
    },
  };
}

test("lines come without colours, cursor movements and carriage returns", () => {
  const bytes = Buffer.from(
    "\x1bc\x1b[?7l\x1b[2J[\x1b[0;32m  OK  \x1b[0m] Reached \x1b[0;1;39mbasic.target\x1b[0m.\r\n",
  );
  expect(plain(bytes)).toBe("[  OK  ] Reached basic.target.\n");
});

test("a console that was never written to has no lines", async () => {
  await using log = await logFile();
  expect(await readLines(log.path)).toEqual([]);
});

test("a line that is written later is found, and lines before the offset are not", async () => {
  await using log = await logFile();
  await writeFile(log.path, "ready: 1\n");
  const found = waitForLine(log.path, /^ready: (\d)/, { signal: AbortSignal.timeout(5000), fromByte: 9 });
  await appendFile(log.path, "noise\r\nready: 2\r\n");
  expect((await found)[1]).toBe("2");
});

test("waiting ends when the signal aborts", async () => {
  await using log = await logFile();
  const waiting = waitForLine(log.path, /never/, { signal: AbortSignal.timeout(50) });
  await expect(waiting).rejects.toMatchObject({ name: "TimeoutError" });
});

test("following gives everything once, also characters that were cut in two", async () => {
  await using log = await logFile();
  const [first, second] = [Buffer.from("caf\xc3", "latin1"), Buffer.from("\xa9\n", "latin1")];
  await writeFile(log.path, first);
  const over = new AbortController();
  let text = "";
  for await (const part of follow(log.path, over.signal)) {
    text += part;
    if (text === "caf") await appendFile(log.path, second);
    if (text.endsWith("\n")) over.abort();
  }
  expect(text).toBe("café\n");
});
