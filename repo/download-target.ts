/** One file of a repository, as signed: what `tuftool download --target-name` gives, by tuf-js. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Updater } from "tuf-js";
import { deferred } from "../lib/deferred.ts";
import { Failure } from "../lib/failure.ts";
import type { Machines } from "./manifest.ts";

/**
 * Writes the target into a directory, under its name; nothing is there before every byte is as signed.
 *
 * @param base the URL of the repository's directory
 * @param rootJson a root role that is trusted already, of any version
 * @throws {Failure<"no-such-target" | "download-refused">}
 */
export async function downloadTarget(
  base: URL,
  machines: Machines,
  rootJson: string,
  { name, directory }: { name: string; directory: string },
): Promise<{ path: string; bytes: number }> {
  const { variant, arch } = machines;
  const work = await mkdtemp(join(directory, ".download-"));
  await using _removal = deferred(async () => await rm(work, { recursive: true, force: true }));
  await writeFile(join(work, "root.json"), rootJson);
  const updater = new Updater({
    metadataDir: work,
    metadataBaseUrl: new URL(`metadata/${variant}/${arch}`, base).href,
    targetBaseUrl: new URL("targets", base).href,
  });
  const failed = `cannot download ${name} for ${variant} on ${arch}`;
  try {
    await updater.refresh();
    const target = await updater.getTargetInfo(name);
    if (target === undefined) throw new Failure("no-such-target", `${failed}: the repository has no such target`);
    const [whole, path] = [join(work, "target"), join(directory, name)];
    await updater.downloadTarget(target, whole);
    await rename(whole, path);
    return { path, bytes: target.length };
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure("download-refused", failed, { cause });
  }
}
