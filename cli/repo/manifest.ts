/** `./orlop repo max-version | recall | waves | prune | refresh`: changes of what is offered, without new files. */
import { recall as recalled, setMaxVersion, setWaves, type Machines, type Manifest } from "../../repo/manifest.ts";
import { changeManifest, prune as pruneTree, refresh as refreshed } from "../../repo/publish.ts";
import { treesOf } from "../../repo/repository.ts";
import {
  directory, machinesOptions, opened, parseCount, repoCommand, signingFrom, signingOptions, version,
} from "./context.ts"; // prettier-ignore
import { waveOptions, wavesFrom } from "./wave-options.ts";

const options = { ...machinesOptions, ...signingOptions } as const;

export const maxVersion = repoCommand({
  name: "repo max-version",
  summary: "Say which version is the newest that hosts may run",
  description: "Hosts above it step down to the newest version at or below it.",
  examples: [
    { run: "./orlop repo max-version updates 1.2.0 --variant dev --key pub.pem", description: "holds 1.3.0 back" },
  ],
  arguments: { directory, version },
  options,
  async run(_context, values) {
    await changed(values, (manifest) => setMaxVersion(manifest, values, values.version));
    return { variant: values.variant, arch: values.arch, maxVersion: values.version };
  },
  print: ({ variant, arch, maxVersion: newest }) => `${newest} is now the newest version for ${variant} on ${arch}`,
});

export const recall = repoCommand({
  name: "repo recall",
  summary: "Take a bad version back: hosts that have it return to the one before it",
  examples: [
    {
      run: "./orlop repo recall updates 1.3.0 --variant dev --key pub.pem",
      description: "lowers the maximum below 1.3.0",
    },
  ],
  arguments: { directory, version },
  options,
  async run(_context, values) {
    await changed(values, (manifest) => recalled(manifest, values, values.version));
    return { variant: values.variant, arch: values.arch, recalled: values.version };
  },
  print: ({ variant, arch, recalled: version }) => `recalled ${version} for ${variant} on ${arch}`,
});

export const waves = repoCommand({
  name: "repo waves",
  summary: "Say anew when which hosts may take a version",
  examples: [
    {
      run: "./orlop repo waves updates 1.3.0 --waves ohno --variant dev --key pub.pem",
      description: "to everybody within three hours",
    },
  ],
  arguments: { directory, version },
  options: { ...waveOptions, ...options },
  async run(_context, values) {
    const opening = await wavesFrom(values);
    await changed(values, (manifest) => setWaves(manifest, values, values.version, opening));
    return opening.map(({ firstSeed, start }) => ({ firstSeed, start: start.toISOString() }));
  },
  print: (opening) =>
    opening.length === 0
      ? "open to all hosts"
      : opening.map(({ firstSeed, start }) => `from seed ${String(firstSeed).padStart(4)}  ${start}`).join("\n"),
});

export const refresh = repoCommand({
  name: "repo refresh",
  summary: "Sign everything anew with later expirations: hosts refuse a repository that is not refreshed",
  examples: [{ run: "./orlop repo refresh updates --key pub.pem", description: "at least once a week" }],
  arguments: { directory },
  options: signingOptions,
  run: async (_context, values) => await refreshed(await opened(values), await signingFrom(values)),
  print: (trees) => trees.map(({ variant, arch }) => `refreshed ${variant} on ${arch}`).join("\n"),
});

export const prune = repoCommand({
  name: "repo prune",
  summary: "Take old versions out, and remove their files",
  description:
    "Of every tree, the newest versions at or below the maximum stay, and all above it. Hosts that are older go on to the newest version; patches are made from versions that are there.",
  examples: [
    {
      run: "./orlop repo prune updates --keep 2 --key pub.pem",
      description: "the newest version, and one to recall it to",
    },
  ],
  arguments: { directory },
  options: {
    keep: { type: "text", value: "COUNT", help: "How many versions stay", required: true, parse: parseCount },
    ...signingOptions,
  },
  async run(_context, values) {
    const repository = await opened(values);
    const signing = await signingFrom(values);
    const pruned: (Machines & { versions: string[] })[] = [];
    for (const machines of await treesOf(repository)) {
      pruned.push({ ...machines, versions: await pruneTree(repository, machines, values.keep, signing) });
    }
    return pruned;
  },
  print: (trees) =>
    trees
      .map(({ variant, arch, versions }) => `${variant} on ${arch}: removed ${versions.join(", ") || "nothing"}`)
      .join("\n"),
});

async function changed(
  values: {
    readonly directory: string;
    readonly variant: string;
    readonly arch: string;
    readonly key: readonly string[];
    readonly expirations: string | undefined;
  },
  change: (manifest: Manifest) => Manifest,
): Promise<void> {
  await changeManifest(await opened(values), values, await signingFrom(values), change);
}
