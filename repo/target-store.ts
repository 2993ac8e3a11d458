/** The `targets/` directory: files named by their own SHA-256, shared by all trees of a repository. */
import { deferred } from "../lib/deferred.ts";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { TargetFile } from "@tufjs/models";
import { ensureDirectory, removeIfPresent, temporaryPath, type Files } from "../lib/files/files.ts";

/** The name under which a server has a target (TUF consistent snapshots, §6.2.1). */
export function storedName(target: TargetFile): string {
  return `${target.hashes["sha256"]}.${target.path}`;
}

/** Copies a file in under its hash; a copy that is there already, and may have been damaged, is replaced. */
export async function storeTarget(files: Files, directory: string, name: string, source: string): Promise<TargetFile> {
  return store(files, directory, name, createReadStream(source));
}

/** The same for bytes in memory. */
export async function storeTargetBytes(
  files: Files,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<TargetFile> {
  return store(files, directory, name, [bytes]);
}

async function store(
  files: Files,
  directory: string,
  name: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<TargetFile> {
  await ensureDirectory(directory, files);
  const temporary = temporaryPath(join(directory, name));
  await using _removal = deferred(async () => {
    await removeIfPresent(temporary, files);
  });
  const hash = createHash("sha256");
  let length = 0;
  await using file = await files.create(temporary, 0o644);
  for await (const chunk of chunks) {
    hash.update(chunk);
    length += chunk.length;
    await file.write(chunk);
  }
  await file.sync();
  const target = new TargetFile({ path: name, length, hashes: { sha256: hash.digest("hex") } });
  await files.rename(temporary, join(directory, storedName(target)));
  await files.syncDirectory(directory);
  return target;
}
