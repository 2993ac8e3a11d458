/**
 * Reads a repository as an independent client would: from a trusted root, over HTTP, every byte of every target.
 *
 * The TUF client workflow (specification §5) is tuf-js's; nothing here trusts the files on disk or our own code that
 * wrote them, except for the list of target names, which comes from the targets metadata that the client verified.
 */
import { deferred } from "../lib/deferred.ts";
import { mkdtemp, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, MetadataKind } from "@tufjs/models";
import { Updater } from "tuf-js";
import { Failure } from "../lib/failure.ts";
import { parseJson } from "../lib/text/json.ts";
import { parseManifest, targetsNamedBy, type Machines } from "./manifest.ts";
import { parsed } from "./tree.ts";

export type Validation = Machines & {
  roles: { role: string; version: number; expires: string }[];
  targets: { name: string; bytes: number }[];
};

/**
 * @param base the URL of the repository's directory
 * @param rootJson a root role that is trusted already, of any version
 * @param onTarget called after each verified target, for progress
 * @throws {Failure<"repository-not-valid">} naming everything that is wrong
 */
export async function validateTree(
  base: URL,
  machines: Machines,
  rootJson: string,
  onTarget: (target: { name: string; bytes: number }) => void = () => undefined,
): Promise<Validation> {
  const { variant, arch } = machines;
  const directory = await mkdtemp(join(tmpdir(), "orlop-validate-"));
  await using _removal = deferred(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  try {
    await writeFile(join(directory, "root.json"), rootJson);
    const updater = new Updater({
      metadataDir: directory,
      metadataBaseUrl: new URL(`metadata/${variant}/${arch}`, base).href,
      targetBaseUrl: new URL("targets", base).href,
    });
    await updater.refresh();
    const read = async (name: string): Promise<string> => readFile(join(directory, `${name}.json`), "utf8");
    const root = parsed(await read("root"), "root.json", (json) => Metadata.fromJSON(MetadataKind.Root, json));
    const timestamp = parsed(await read("timestamp"), "timestamp.json", (json) =>
      Metadata.fromJSON(MetadataKind.Timestamp, json),
    );
    const snapshot = parsed(await read("snapshot"), "snapshot.json", (json) =>
      Metadata.fromJSON(MetadataKind.Snapshot, json),
    );
    const targets = parsed(await read("targets"), "targets.json", (json) =>
      Metadata.fromJSON(MetadataKind.Targets, json),
    );

    const problems: string[] = [];
    const verified: Validation["targets"] = [];
    for (const name of Object.keys(targets.signed.targets)) {
      const file = join(directory, "target");
      try {
        const target = await updater.getTargetInfo(name);
        if (target === undefined) throw new Error("it is not in the targets metadata");
        await updater.downloadTarget(target, file);
        if (name === "manifest.json")
          problems.push(...manifestProblems(await readFile(file, "utf8"), targets.signed.targets));
        await unlink(file);
        verified.push({ name, bytes: target.length });
        onTarget({ name, bytes: target.length });
      } catch (error) {
        problems.push(`${name}: ${error instanceof Error ? error.message : Bun.inspect(error)}`);
      }
    }
    if (targets.signed.targets["manifest.json"] === undefined) problems.push("there is no target manifest.json");
    if (problems.length > 0) throw new Error(problems.join("; "));
    return {
      variant,
      arch,
      roles: [root, targets, snapshot, timestamp].map(({ signed }) => ({
        role: signed.type,
        version: signed.version,
        expires: signed.expires,
      })),
      targets: verified,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : Bun.inspect(error);
    throw new Failure("repository-not-valid", `cannot accept the repository for ${variant} on ${arch}: ${reason}`, {
      cause: error instanceof Error ? error.cause : undefined,
    });
  }
}

function manifestProblems(json: string, targets: Readonly<Record<string, unknown>>): string[] {
  const manifest = parseManifest(parseJson(json, "manifest.json"), "manifest.json");
  return targetsNamedBy(manifest)
    .filter((name) => !(name in targets))
    .map((name) => `manifest.json names ${name}, which is no target`);
}
