/** `./orlop release` */
import { resolve } from "node:path";
import { defined } from "../../lib/defined.ts";
import type { OwnVariant } from "../../variants/variant-file.ts";
import { architectures, type Architecture } from "../../variants/variant.ts";
import { buildDirectory, mirrorOption, repository, verb } from "../context.ts";
import { imageChoicesIn, imageOptions } from "../image/image-options.ts";
import { parseNames } from "./options.ts";

export const release = verb({
  name: "release",
  summary: "Build variants for architectures, offer them in the repository, and write what vouches for them",
  description: `Steps: the source is committed, tests pass, each build, its SBOM, the repository, which a client then reads by HTTP from
the first root role, checksums, provenance (in-toto and SLSA, signed), notes from the commits. The first step that fails ends
it and nothing behind it is done; the same command goes on with what is there. release.json says how far it came.`,
  examples: [
    {
      run: "./orlop release 0.2.0 --variants aws-k8s-1.35,metal-k8s-1.35 --repository updates --key keys/publication.pem",
      description: "for both architectures, spread over six days",
    },
    {
      run: "./orlop release 0.2.0 --variant-files edge.toml --archs x86_64 --repository updates --key pub.pem --waves none",
      description: "a variant of one's own",
    },
    {
      run: "./orlop release 0.2.0 --variants metal-k8s-1.37 --repository updates --key pub.pem --kmod-kit",
      description: "with what kernel modules are built with, as a target of the repository",
    },
  ],
  arguments: { version: { value: "VERSION", help: "Of the OS, such as 1.2.3" } },
  options: {
    variants: { type: "text", value: "NAME,…", help: "Which variants of the table", parse: parseNames },
    "variant-files": {
      type: "text",
      value: "FILE,…",
      help: "And which of one's own",
      parse: parseNames,
      complete: "files",
    },
    archs: {
      type: "text",
      value: "ARCH,…",
      help: "For which architectures, as far as a variant has them",
      default: architectures.join(","),
      parse: parseNames,
    },
    repository: { type: "text", value: "DIRECTORY", help: "That offers them", required: true, complete: "files" },
    key: {
      type: "text",
      value: "FILE",
      help: "Private key that signs targets, snapshot and timestamp, and the provenance",
      required: true,
      many: true,
      complete: "files",
    },
    expirations: { type: "text", value: "FILE", help: "As for `repo publish`", complete: "files" },
    waves: { type: "text", value: "POLICY", help: "As for `repo publish`", default: "default" },
    start: { type: "text", value: "TIME", help: "As for `repo publish`" },
    "update-url": { type: "text", value: "URL", help: "Where the repository is served; hosts look there" },
    since: { type: "text", value: "REF", help: "What the notes begin after; the last tag unless given" },
    tests: {
      type: "text",
      value: "GROUP,…",
      help: "Of `./orlop test`, before anything is built; none leaves them out",
      default: "quick",
      parse: parseNames,
    },
    output: {
      type: "text",
      value: "DIRECTORY",
      help: "Where it goes; build/release-VERSION unless given",
      complete: "files",
    },
    ...imageOptions,
    mirror: mirrorOption,
  },
  async run({ invocation: { signal } }, values) {
    const { release: make } = await import("../../publish/release/release.ts");
    const { readText, parseVersion, signingFrom } = await import("../repo/context.ts");
    const { wavesFrom } = await import("../repo/wave-options.ts");
    const { usualSources } = await import("../../repo/patch/smaller-ways.ts");
    const { version: ownVersion } = await import("../../package.json");
    const { join } = await import("node:path");
    const version = parseVersion(values.version);
    const chosen = await chosenTargets(values);
    const output = resolve(values.output ?? join(buildDirectory, `release-${version}`));
    const updateRoot = join(resolve(values.repository), "root", "1.root.json");
    const updateUrl = values["update-url"];
    const image = await imageChoicesIn(values);
    const companions = values["with-containers"] ? "inside" : "beside";
    const steps = await make({
      version,
      targets: chosen.map(({ name, architecture, inputs }) => ({ variant: name, architecture, inputs })),
      output,
      async build({ variant, architecture }, directory, building) {
        const { builtImage } = await import("../image/built-image.ts");
        const { wanted } = chosen.find((each) => each.name === variant) ?? { wanted: variant };
        const release = { output: directory, updateRoot, updateUrl, osVersion: version, mirror: values.mirror };
        const request = { variant: wanted, architecture, ...release, ...image, companions } as const;
        return (await builtImage(request, building)).manifestPath;
      },
      test: values.tests.join() === "none" ? undefined : async (testing) => await runTests(values.tests, testing),
      source: repository,
      inputs: ["bun.lock", "bun.sum", ...architectures.map((architecture) => `variants/lock/${architecture}.json`)],
      since: values.since,
      repository: resolve(values.repository),
      signing: await signingFrom(values),
      waves: await wavesFrom(values),
      patchesFrom: usualSources,
      key: await readText(values.key[0] ?? ""),
      parameters: parametersOf(values),
      builder: { orlop: ownVersion, bun: Bun.version },
      now: () => new Date(),
      signal,
    });
    return { version, output, steps };
  },
  print: ({ version, output, steps }) =>
    [...steps.map(({ step, detail }) => `${step}: ${detail}`), `released ${version}: ${output}`].join("\n"),
});

/** What the provenance has of them; which key signs an image, its certificate says. */
function parametersOf(values: {
  "update-url": string | undefined;
  "kmod-kit": boolean;
  "with-containers": boolean;
  supply: readonly string[];
}): Record<string, string> {
  const supplied = values.supply.map((text) => text.replace(/=.*/, ""));
  return defined({
    updateUrl: values["update-url"],
    moduleKit: values["kmod-kit"] ? "true" : undefined,
    containers: values["with-containers"] ? "inside" : undefined,
    supplied: supplied.length === 0 ? undefined : supplied.join(","),
  });
}

type Chosen = {
  name: string;
  wanted: string | OwnVariant;
  architecture: Architecture;
  /** Of one's own: the file, and the lock of its packages. */
  inputs: readonly string[];
};

async function chosenTargets(values: {
  variants: readonly string[] | undefined;
  "variant-files": readonly string[] | undefined;
  archs: readonly string[];
}): Promise<Chosen[]> {
  const { usageFailure } = await import("../../lib/command/command.ts");
  const { variantNamed } = await import("../../variants/all.ts");
  const { readVariantFile } = await import("../image/own-variant.ts");
  const { goldenPathOf } = await import("../../image/additions/additions-of.ts");
  const { ownLockPath } = await import("../../image/additions/own-lock.ts");
  const filesOf = (own: OwnVariant, architecture: Architecture): string[] => [
    own.path,
    goldenPathOf(own, architecture),
    ...(own.file.packages.length === 0 ? [] : [ownLockPath(own.path, architecture)]),
  ];
  const unknown = values.archs.find((arch) => !architectures.some((name) => name === arch));
  if (unknown !== undefined) throw usageFailure(`--archs takes ${architectures.join(", ")}, not ${unknown}`);
  const named = (values.variants ?? []).map((name) => ({ wanted: name, variant: variantNamed(name) }));
  const own = await Promise.all((values["variant-files"] ?? []).map(async (file) => await readVariantFile(file)));
  const all = [...named, ...own.map((wanted) => ({ wanted, variant: wanted.variant }))];
  const targets = all.flatMap(({ wanted, variant }) =>
    architectures
      .filter((architecture) => values.archs.includes(architecture) && variant.architectures.includes(architecture))
      .map((architecture) => ({
        name: variant.name,
        wanted,
        architecture,
        inputs: typeof wanted === "string" ? [] : filesOf(wanted, architecture),
      })),
  );
  if (targets.length === 0) throw usageFailure("name what to release with --variants or --variant-files");
  return targets;
}

/** In a process of their own, as a person runs them. */
async function runTests(groups: readonly string[], signal: AbortSignal): Promise<string> {
  const { run } = await import("../../lib/program/process.ts");
  const { stdout } = await run([`${repository}/orlop`, "test", ...groups], { cwd: repository, signal });
  return stdout.trim().split("\n").at(-1) ?? "";
}
