/** `./orlop repo publish` and `./orlop repo add-target`: what hosts can download. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { readBuild } from "../../image/finished-build.ts";
import { defined } from "../../lib/defined.ts";
import { Failure } from "../../lib/failure.ts";
import { say } from "../../lib/progress.ts";
import { offeredMigration, offerOf } from "../../publish/release/offer.ts";
import { addTarget, publish, type Release } from "../../repo/publish.ts";
import { treesOf } from "../../repo/repository.ts";
import type { TargetSource } from "../../repo/change-tree.ts";
import { parseMigration } from "../../settings/migrations/migration.ts";
import {
  directory, machinesOptions, opened, parseVersion, patchOptions, readText, repoCommand, signingFrom, signingOptions, version,
} from "./context.ts"; // prettier-ignore
import { waveOptions, wavesFrom } from "./wave-options.ts";

const artefact = (help: string) => ({ type: "text", value: "FILE", help, required: true, complete: "files" }) as const;

export const publishVersion = repoCommand({
  name: "repo publish",
  summary: "Offer a version: its artefacts, and when which hosts may take it",
  description: "Targets are written before metadata. A publish that is interrupted leaves the repository as it was.",
  examples: [
    {
      run: "./orlop repo publish updates 0.2.0 --variant dev --boot b.efi.zst --root r.zst --hash h.zst --key pub.pem",
      description: "spread over six days",
    },
  ],
  arguments: { directory, version },
  options: {
    ...machinesOptions,
    boot: artefact("The unified kernel image, an .efi as it is or compressed with zstd"),
    root: artefact("The root file system, compressed with zstd"),
    hash: artefact("Its verity hash tree, compressed with zstd"),
    migration: {
      type: "text",
      value: "FILE",
      help: "A migration of settings that the image carries, as JSON; hosts try it before they take the version",
      many: true,
      complete: "files",
    },
    ...waveOptions,
    "max-version": {
      type: "text",
      value: "VERSION",
      help: "Newest version hosts may run; otherwise the newest there is",
      parse: parseVersion,
    },
    ...signingOptions,
  },
  async run(_context, values) {
    const { variant, arch } = values;
    const [boot, root, hash] = [await source(values.boot), await source(values.root), await source(values.hash)];
    await publish(
      await opened(values),
      { variant, arch, version: values.version, boot, root, hash, migrations: await migrationsFrom(values.migration) },
      {
        waves: await wavesFrom(values),
        ...defined({ maxVersion: values["max-version"] }),
      },
      await signingFrom(values),
    );
    return { variant, arch, version: values.version };
  },
  print: describePublished,
});

export const publishImage = repoCommand({
  name: "repo publish-image",
  summary: "Offer the version that `./orlop build` made, and patches to it",
  description:
    "Hosts that run one of the versions before it fetch a patch, and the whole files when that does not fit or fails.",
  examples: [
    {
      run: "./orlop repo publish-image updates build/orlop-dev-x86_64-0.2.0-dafe3b16.json --waves none --key pub.pem",
      description: "to all hosts at once",
    },
    {
      run: "./orlop repo publish-image updates build/new --waves none --key pub.pem",
      description: "what was built into a directory of its own",
    },
    {
      run: "./orlop repo publish-image updates build/new --waves none --patches-from 0 --key pub.pem",
      description: "without patches: faster, and every host fetches all of it",
    },
  ],
  arguments: {
    directory,
    build: {
      value: "BUILD",
      help: "The build's list of artefacts, which lie beside it; or the directory of a single build",
      complete: "files",
    },
  },
  options: { ...waveOptions, ...patchOptions, ...signingOptions },
  async run(_context, values) {
    const offer = await offerOf(await readBuild(values.build));
    const options = { waves: await wavesFrom(values), patchesFrom: values["patches-from"], onPatch };
    await publish(await opened(values), offer, options, await signingFrom(values));
    const { variant, arch, version: made } = offer;
    return { variant, arch, version: made };
  },
  print: describePublished,
});

export const addFile = repoCommand({
  name: "repo add-target",
  summary: "Offer a file that is no update image, such as a kernel module kit",
  examples: [
    {
      run: "./orlop repo add-target updates kit.tar.zst --variant dev --key pub.pem",
      description: "named kit.tar.zst",
    },
  ],
  arguments: { directory, file: { value: "FILE", help: "The file", complete: "files" } },
  options: {
    ...machinesOptions,
    name: { type: "text", value: "NAME", help: "Name of the target; otherwise that of the file" },
    ...signingOptions,
  },
  async run(_context, values) {
    const { variant, arch, file, name = basename(file) } = values;
    const repository = await opened(values);
    const known = await treesOf(repository);
    if (!known.some((each) => each.variant === variant && each.arch === arch)) {
      throw new Failure("no-such-tree", `cannot add a target for ${variant} on ${arch}: nothing is published for it`, {
        hint: `there is: ${known.map((each) => `${each.variant} on ${each.arch}`).join(", ") || "nothing yet"}`,
      });
    }
    await addTarget(repository, { variant, arch }, { ...(await source(file)), name }, await signingFrom(values));
    return { variant, arch, name };
  },
  print: ({ variant, arch, name }) => `added ${name} for ${variant} on ${arch}`,
});

function onPatch(from: string, part: string): void {
  say(`making a patch of the ${part} from ${from}`);
}

/** @throws {Failure<"no-such-file">} */
async function source(path: string): Promise<TargetSource> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() === true && found.size > 0) return { name: basename(path), path };
  throw new Failure(
    "no-such-file",
    `cannot publish ${path}: ${found === undefined ? "it does not exist" : "it is no file or empty"}`,
  );
}

async function migrationsFrom(files: readonly string[]): Promise<Release["migrations"]> {
  return await Promise.all(files.map(async (file) => offeredMigration(parseMigration(await readText(file), file))));
}

function describePublished({
  variant,
  arch,
  version: published,
}: Record<"variant" | "arch" | "version", string>): string {
  return `published ${published} for ${variant} on ${arch}`;
}
