import { expect, test } from "bun:test";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockExclusively, openLocked } from "./file-lock.ts";
import { removeIfPresent } from "./files.ts";

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "orlop-lock-"));
  try {
    await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("a lock that another open file holds is not granted until that file is closed", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "lock");
    const first = await open(path, "w");
    await using second = await open(path, "r");
    expect(lockExclusively(first.fd)).toBe(true);
    expect(lockExclusively(second.fd)).toBe(false);
    await first.close();
    expect(lockExclusively(second.fd)).toBe(true);
  });
});

test("a lock is nobody's once its holder was killed, and a program that the holder started does not keep it", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "lock");
    const source = `
      import { openLocked } from ${JSON.stringify(join(import.meta.dir, "file-lock.ts"))};
      globalThis.held = await openLocked(${JSON.stringify(path)});
      const child = Bun.spawn(["sleep", "60"], { stdio: ["ignore", "ignore", "ignore"] });
      console.log(globalThis.held?.fd, child.pid);
      await child.exited;
    `;
    const holder = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
    const line = await firstLine(holder.stdout);
    const [, pid] = line.split(" ");
    try {
      expect(await openLocked(path)).toBeUndefined();
      holder.kill("SIGKILL");
      await holder.exited;
      const lock = await openLocked(path);
      expect(lock).toBeDefined();
      await lock?.close();
    } finally {
      process.kill(Number(pid), "SIGKILL");
    }
  });
});

test("a lock is of the file that has the name, not of one that its holder removed", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "lock");
    for (let round = 0; round < 20; round++) {
      const [first, second] = await Promise.all([openLocked(path), openLocked(path)]);
      expect([first, second].filter((lock) => lock !== undefined)).toHaveLength(1);
      await removeIfPresent(path);
      await using third = await openLocked(path);
      expect(third).toBeDefined();
      await (first ?? second)?.close();
      expect(await openLocked(path)).toBeUndefined();
    }
  });
});

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString();
    if (text.includes("\n")) break;
  }
  return text.split("\n")[0] ?? "";
}
