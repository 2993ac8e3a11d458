/**
 * A release: builds of variants for architectures, what vouches for them, and the repository that offers them, as one work
 * that stops at the first thing that is not right.
 */
import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { z } from "zod";
import { artefactOf, type FinishedBuild, readBuild } from "../../image/finished-build.ts";
import { artefactsOf } from "../../image/manifest.ts";
import { sha256OfFile } from "../../image/packages/cache.ts";
import { Failure, isFailure } from "../../lib/failure.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import { run as runProgram } from "../../lib/program/process.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { Machines } from "../../repo/manifest.ts";
import { openRepository } from "../../repo/repository.ts";
import { addTarget, publish } from "../../repo/publish.ts";
import { serveRepository } from "../../repo/serve.ts";
import { type Signing, serialise } from "../../repo/tree.ts";
import { validateTree } from "../../repo/validate.ts";
import type { Wave } from "../../repo/waves/waves.ts";
import type { Architecture } from "../../variants/variant.ts";
import { type Commit, parseLog, releaseNotes } from "./notes.ts";
import { isOffered, offerOf } from "./offer.ts";
import { type BuildFacts, envelopeOf, statementOf } from "./provenance.ts";
import { type ReleaseStep, type StepOutcome, walk } from "./walk.ts";

export type ReleaseTarget = {
  variant: string;
  architecture: Architecture;
  /** Files outside of the source tree that decide what it is made from: those of a variant of one's own. */
  inputs?: readonly string[];
};

export type ReleaseOptions = {
  version: string;
  targets: readonly ReleaseTarget[];
  /** Where everything goes: a directory for each build, and what belongs to all. */
  output: string;
  /** Makes a build into a directory, in which earlier ones may lie, and returns the path of its list. */
  build: (target: ReleaseTarget, output: string, signal: AbortSignal) => Promise<string>;
  /** Runs the tests; left out when the person said so. */
  test?: ((signal: AbortSignal) => Promise<string>) | undefined;
  /** The source tree. */
  source: string;
  /** Files in it that decide what builds are made from. */
  inputs: readonly string[];
  /** The commit or tag that the notes begin after; the last tag unless given. */
  since?: string | undefined;
  repository: string;
  signing: Signing;
  waves: readonly Wave[];
  /** From how many of the versions before it patches are made. */
  patchesFrom: number;
  /** Of the first signer, in PEM: the public half goes beside the provenance. */
  key: string;
  parameters: Readonly<Record<string, string>>;
  builder: Readonly<Record<string, string>>;
  now: () => Date;
  signal: AbortSignal;
};

type Finished = { target: ReleaseTarget; build: FinishedBuild; startedOn: Date; finishedOn: Date };

/** @throws {Failure<"release-stopped">} */
export async function release(options: ReleaseOptions): Promise<StepOutcome[]> {
  const { output, signal } = options;
  const record = join(output, "release.json");
  const keep = async (outcomes: readonly StepOutcome[]): Promise<void> =>
    await writeFileAtomic(record, `${JSON.stringify({ version: options.version, steps: outcomes }, undefined, 2)}\n`);
  return await walk(stepsOf(options), keep, signal);
}

function stepsOf(options: ReleaseOptions): ReleaseStep[] {
  const { targets, test } = options;
  let commit = "";
  const finished: Finished[] = [];
  return [
    { name: "source", run: async () => (commit = await cleanCommit(options.source)) },
    ...(test === undefined ? [] : [{ name: "tests", run: test }]),
    ...targets.map((target) => ({
      name: `build ${target.variant} for ${target.architecture}`,
      run: async (signal: AbortSignal) => {
        finished.push(await finishedBuild(options, target, commit, signal));
        return finished.at(-1)?.build.name ?? "";
      },
    })),
    { name: "bills of materials", run: async () => await checkSboms(finished) },
    { name: "repository", run: async () => await offerAll(options, finished) },
    { name: "validation", run: async () => await validateAll(options, finished) },
    { name: "checksums", run: async () => await writeChecksums(options, finished) },
    { name: "provenance", run: async () => await writeProvenance(options, finished, commit) },
    { name: "notes", run: async () => await writeNotes(options, finished) },
  ];
}

/** @throws {Failure<"source-not-clean">} since nobody else could build the same */
async function cleanCommit(source: string): Promise<string> {
  const git = async (...words: string[]): Promise<string> =>
    (await runProgram(["git", ...words], { cwd: source })).stdout.trim();
  const changes = await git("status", "--porcelain", "--untracked-files=normal");
  if (changes === "") return await git("rev-parse", "HEAD");
  const files = changes.split("\n").map((line) => line.slice(3));
  throw new Failure(
    "source-not-clean",
    `cannot release from ${source}: not committed: ${files.slice(0, 5).join(", ")}`,
    {
      hint: "commit or remove what differs, so that others can build the same",
    },
  );
}

async function finishedBuild(
  { version, output, build, now }: ReleaseOptions,
  target: ReleaseTarget,
  commit: string,
  signal: AbortSignal,
): Promise<Finished> {
  const directory = join(output, `${target.variant}-${target.architecture}`);
  const startedOn = now();
  const made = await readBuild(await build(target, directory, signal));
  const { manifest } = made;
  const isThis =
    manifest.version === version &&
    manifest.variant === target.variant &&
    manifest.architecture === target.architecture &&
    commit.startsWith(manifest.commit);
  if (!isThis) {
    throw new Failure(
      "not-as-built",
      `cannot release ${made.name}: expected version ${version} of ${commit.slice(0, 8)}`,
    );
  }
  for (const artefact of artefactsOf(made.manifest)) await artefactOf(made, artefact);
  return { target, build: made, startedOn, finishedOn: now() };
}

const sbomSchema = z.looseObject({
  spdxVersion: z.literal("SPDX-2.3"),
  packages: z.array(z.looseObject({ name: z.string(), versionInfo: z.string() })).min(2),
});

async function checkSboms(finished: readonly Finished[]): Promise<string> {
  let packages = 0;
  for (const { build } of finished) {
    const path = await artefactOf(build, build.manifest.sbom);
    const parsed = sbomSchema.safeParse(parseJson(await readFile(path, "utf8")));
    if (!parsed.success)
      throw new Failure("bad-sbom", `cannot release ${build.name}: ${path} is no SPDX 2.3 document with packages`);
    packages += parsed.data.packages.length;
  }
  return `${finished.length} with ${packages} packages`;
}

async function offerAll(
  { repository: directory, signing, waves, patchesFrom }: ReleaseOptions,
  finished: readonly Finished[],
): Promise<string> {
  let offered = 0;
  for (const { build } of finished) {
    const repository = await openRepository(directory);
    const offer = await offerOf(build);
    if (await isOffered(repository, build)) {
      // What belongs to a version may have been asked for later than it.
      for (const source of offer.further ?? []) await addTarget(repository, offer, source, signing);
      continue;
    }
    await publish(repository, offer, { waves, patchesFrom }, signing);
    offered++;
  }
  return `${offered} offered anew, ${finished.length - offered} before`;
}

/** By HTTP and from the first root role, as a host that was installed when the repository began. */
async function validateAll({ repository: directory }: ReleaseOptions, finished: readonly Finished[]): Promise<string> {
  const { roots } = await openRepository(directory);
  using server = serveRepository(directory);
  let targets = 0;
  for (const { build } of finished) {
    const machines: Machines = { variant: build.manifest.variant, arch: build.manifest.architecture };
    const validation = await validateTree(server.url, machines, serialise(roots[0]));
    const { root, hash, unifiedImage, moduleKit, companions = {} } = build.manifest;
    const further = [...(moduleKit === undefined ? [] : [moduleKit]), ...Object.values(companions)];
    const missing = [root, hash, unifiedImage, ...further].filter(
      ({ name }) => !validation.targets.some((target) => target.name === name),
    );
    if (missing.length > 0) {
      throw new Failure(
        "not-offered",
        `cannot release ${build.name}: a client finds no ${missing.map(({ name }) => name).join(", ")}`,
      );
    }
    targets += validation.targets.length;
  }
  return `${targets} targets, all as signed`;
}

async function writeChecksums({ output }: ReleaseOptions, finished: readonly Finished[]): Promise<string> {
  const lines: string[] = [];
  for (const { build } of finished) {
    const place = relative(output, dirname(build.manifestPath));
    for (const { name, sha256 } of artefactsOf(build.manifest)) lines.push(`${sha256}  ${join(place, name)}\n`);
    lines.push(`${await sha256OfFile(build.manifestPath)}  ${relative(output, build.manifestPath)}\n`);
  }
  await writeFileAtomic(join(output, "SHA256SUMS"), lines.join(""));
  return `${lines.length} files`;
}

async function writeProvenance(
  options: ReleaseOptions,
  finished: readonly Finished[],
  commit: string,
): Promise<string> {
  const { output, source, signing, key, parameters, builder } = options;
  const inputs = new Map<string, string>();
  for (const path of options.inputs) inputs.set(path, await sha256OfFile(join(source, path)));
  const lines: string[] = [];
  for (const { target, build, startedOn, finishedOn } of finished) {
    const own = new Map<string, string>();
    for (const path of target.inputs ?? []) own.set(basename(path), await sha256OfFile(path));
    const all = new Map([...inputs, ...own]);
    const facts: BuildFacts = { commit, inputs: all, parameters, builder, startedOn, finishedOn };
    lines.push(`${await envelopeOf(statementOf(build, artefactsOf(build.manifest), facts), signing.signers)}\n`);
  }
  await writeFileAtomic(join(output, "provenance.intoto.jsonl"), lines.join(""));
  const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" }).toString();
  await writeFileAtomic(join(output, "provenance.pub"), publicKey);
  return `${lines.length} statements, signed by ${signing.signers.length}`;
}

async function writeNotes(
  { version, output, source, since }: ReleaseOptions,
  finished: readonly Finished[],
): Promise<string> {
  const from = since ?? (await lastTag(source));
  const range = from === undefined ? [] : [`${from}..HEAD`];
  const { stdout } = await runProgram(["git", "log", "--no-merges", "--format=%h %s", ...range, "--"], { cwd: source });
  const commits: Commit[] = parseLog(stdout);
  const builds = finished.map(({ build }) => build.name);
  await writeFileAtomic(join(output, "RELEASE-NOTES.md"), releaseNotes(version, { commits, since: from, builds }));
  return `${commits.length} commits${from === undefined ? "" : ` since ${from}`}`;
}

async function lastTag(source: string): Promise<string | undefined> {
  try {
    return (await runProgram(["git", "describe", "--tags", "--abbrev=0"], { cwd: source })).stdout.trim();
  } catch (error) {
    if (isFailure(error, "exit-status")) return undefined;
    throw error;
  }
}
