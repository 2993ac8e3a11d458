/** `./orlop repo max-version | recall | waves | refresh`: changes of what is offered, without new files. */
import { recall as recalled, setMaxVersion, setWaves, type Manifest } from "../../repo/manifest.ts";
import { changeManifest, refresh as refreshed } from "../../repo/repository.ts";
import { directory, machinesOptions, opened, repoCommand, signingFrom, signingOptions, version } from "./context.ts";
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
