/** The `targets/` directory: files named by their own SHA-256, shared by all trees of a repository. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { TargetFile } from "@tufjs/models";
import { removeIfPresent, syncDirectory } from "../lib/files.ts";

/** The name under which a server has a target (TUF consistent snapshots, §6.2.1). */
export function storedName(target: TargetFile): string {
  return `${target.hashes["sha256"]}.${target.path}`;
}

/** Copies a file in under its hash; a copy that is there already stays. */
export async function storeTarget(directory: string, name: string, source: string): Promise<TargetFile> {
  return store(directory, name, createReadStream(source));
}

/** The same for bytes in memory. */
export async function storeTargetBytes(directory: string, name: string, bytes: Uint8Array): Promise<TargetFile> {
  return store(directory, name, [bytes]);
}

async function store(
  directory: string,
  name: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<TargetFile> {
  await mkdir(directory, { recursive: true });
  const temporary = join(directory, `.${randomBytes(8).toString("hex")}`);
  try {
    const hash = createHash("sha256");
    let length = 0;
    await using file = await open(temporary, "wx", 0o644);
    for await (const chunk of chunks) {
      hash.update(chunk);
      length += chunk.length;
      await file.writeFile(chunk);
    }
    await file.sync();
    const target = new TargetFile({ path: name, length, hashes: { sha256: hash.digest("hex") } });
    const path = join(directory, storedName(target));
    if (!(await hasLength(path, length))) {
      await rename(temporary, path);
      await syncDirectory(directory);
    }
    return target;
  } finally {
    await removeIfPresent(temporary);
  }
}

async function hasLength(path: string, length: number): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.size === length;
}
