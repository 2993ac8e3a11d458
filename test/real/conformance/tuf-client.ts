/**
 * The updater's TUF client as a command line, so that an outside suite can judge it. The words are those of the public
 * TUF conformance suite (its CLIENT-CLI.md); what runs behind them is what a host runs.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, open, readFile, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Metadata, MetadataKind } from "@tufjs/models";
import { linuxSystem } from "../../../host/machine/system.ts";
import type { UpdateMirror } from "../../../host/update/fetch/mirror.ts";
import { refreshMetadata, targetOf, targetStream } from "../../../host/update/fetch/trusted-repository.ts";
import { runProgram } from "../../../lib/command/command-line.ts";
import { commandsWith, program, usageFailure } from "../../../lib/command/command.ts";
import { Failure, isNotFound } from "../../../lib/failure.ts";

type Context = {
  signal: AbortSignal;
  metadataDirectory: string;
  mirror: () => UpdateMirror;
  targetNames: readonly string[];
  targetDirectory: string | undefined;
};
const command = commandsWith<Context>();
const text = (value: string, help: string) => ({ type: "text", value, help }) as const;
const system = linuxSystem();

const init = command({
  name: "init",
  summary: "Trust a root role",
  examples: [{ run: "tuf-client --metadata-dir m init root.json", description: "no request is made" }],
  arguments: { root: { value: "FILE", help: "The trusted root.json" } },
  async run({ metadataDirectory }, { root }) {
    await mkdir(metadataDirectory, { recursive: true });
    await copyFile(root, join(metadataDirectory, "root.json"));
  },
});

const refresh = command({
  name: "refresh",
  summary: "Bring the top-level metadata up to date",
  examples: [{ run: "tuf-client --metadata-dir m --metadata-url U refresh", description: "exit code 1 when refused" }],
  async run({ metadataDirectory, mirror, signal }) {
    await refreshMetadata(system, mirror(), metadataDirectory, signal);
  },
});

const download = command({
  name: "download",
  summary: "Fetch targets that are not there yet",
  examples: [
    {
      run: "tuf-client --metadata-dir m --metadata-url U --target-base-url T --target-name a --target-dir t download",
      description: "names may be repeated",
    },
  ],
  async run({ metadataDirectory, mirror: mirrorOf, targetNames, targetDirectory, signal }) {
    if (targetDirectory === undefined) throw usageFailure("--target-dir is required");
    const mirror = mirrorOf();
    const { updater } = await refreshMetadata(system, mirror, metadataDirectory, signal);
    const root = await readFile(join(metadataDirectory, "root.json"), "utf8");
    const consistent = Metadata.fromJSON(MetadataKind.Root, JSON.parse(root)).signed.consistentSnapshot;
    await mkdir(targetDirectory, { recursive: true });
    for (const name of targetNames) {
      const found = await updater.getTargetInfo(name);
      const target = found === undefined ? undefined : targetOf(found);
      if (target === undefined) throw new Failure("no-such-file", `cannot download ${name}: it is no target`);
      const path = join(targetDirectory, encodeURIComponent(name));
      if ((await digestOf(path, target.digest.algorithm)) === target.digest.hex) continue;
      await using scratch = await temporaryFile();
      for await (const bytes of targetStream(system, mirror, target, signal, consistent))
        await scratch.file.write(bytes);
      await copyFile(scratch.path, path);
    }
  },
});

async function temporaryFile(): Promise<AsyncDisposable & { path: string; file: FileHandle }> {
  const directory = await mkdtemp(join(tmpdir(), "tuf-client-"));
  const path = join(directory, "target");
  const file = await open(path, "w");
  return {
    path,
    file,
    [Symbol.asyncDispose]: async () => {
      await file.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function digestOf(path: string, algorithm: string): Promise<string | undefined> {
  try {
    return createHash(algorithm)
      .update(await readFile(path))
      .digest("hex");
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

const client = program({
  name: "tuf-client",
  summary: "A TUF client for the conformance suite",
  version: "0.0.0",
  options: {
    "metadata-dir": { ...text("DIR", "Where trusted metadata is kept"), required: true },
    "metadata-url": text("URL", "Where the repository's metadata is"),
    "target-name": { ...text("NAME", "A target to download"), many: true },
    "target-base-url": text("URL", "Where the repository's targets are"),
    "target-dir": text("DIR", "Where downloaded targets go"),
  },
  groups: {},
  commands: [init, refresh, download],
  context: (invocation, options): Context => ({
    signal: invocation.signal,
    metadataDirectory: options["metadata-dir"],
    mirror() {
      const metadata = options["metadata-url"];
      if (metadata === undefined) throw usageFailure("--metadata-url is required");
      return {
        metadata: new URL(metadata),
        targets: new URL(options["target-base-url"] ?? metadata),
        proxy: undefined,
        noProxy: [],
        authorities: undefined,
        query: {},
      };
    },
    targetNames: options["target-name"],
    targetDirectory: options["target-dir"],
  }),
});

await runProgram(client, process.argv.slice(2));
