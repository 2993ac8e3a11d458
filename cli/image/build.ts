/** `./orlop build` */
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { machineClock } from "../../lib/clock.ts";
import { usageFailure } from "../../lib/command/command.ts";
import { defined } from "../../lib/defined.ts";
import { formatDuration } from "../../lib/duration.ts";
import { formatBytes } from "../../lib/progress.ts";
import type { FetchOptions } from "../../image/packages/fetch.ts";
import type { OwnVariant } from "../../variants/variant-file.ts";
import {
  architectureOption,
  buildDirectory,
  chosenVariant,
  mirrorOption,
  variantFileOption,
  variantOption,
  verb,
} from "../context.ts";
import { type ImageChoices, imageChoicesIn, imageOptions } from "./image-options.ts";

type BuiltFile = { path: string; bytes: number };
type Result = { made: BuiltFile[]; changes?: string[]; seconds: number };

export const build = verb({
  name: "build",
  summary: "Make an image of a variant and the files of an update, or of a host container, in build/",
  description: `The same commit, lock and signing key give the same bytes. Steps are kept by what goes into them,
so building again after a change of ours takes seconds.`,
  examples: [
    { run: "./orlop build --variant dev", description: "an image for this computer's architecture" },
    { run: "./orlop build --variant metal-dev --arch aarch64", description: "for another one" },
    { run: "./orlop build --variant dev --kmod-kit", description: "with what kernel modules for it are built with" },
    {
      run: "./orlop build --variant aws-ecs-1 --supply ecs-agent=agent/amazon-ecs-agent",
      description: "with the agent of ECS, which you have downloaded",
    },
    {
      run: "./orlop build --variant metal-dev --with-containers",
      description: "with the admin and control containers in it",
    },
    { run: "./orlop build --container admin", description: "the OCI image of a host container" },
    { run: "./orlop build --update-lock", description: "moves the locked packages to what Debian has now" },
    { run: "./orlop build --program kubernetes-1.20/kubectl", description: "a program that is compiled here" },
    { run: "./orlop build --client linux-aarch64", description: "an apiclient for laptops" },
  ],
  options: {
    variant: variantOption,
    "variant-file": variantFileOption,
    arch: architectureOption,
    mirror: mirrorOption,
    output: { type: "text", value: "DIRECTORY", help: "Where the files go; build/ unless given", complete: "files" },
    "os-version": {
      type: "text",
      value: "VERSION",
      help: "The image's version, such as 1.2.3; that of this work tree unless given",
    },
    "update-root": {
      type: "text",
      value: "FILE",
      help: "The update repository's root.json that hosts shall trust; without it they take no updates",
      complete: "files",
    },
    "update-url": {
      type: "text",
      value: "URL",
      help: "Where that repository is served: hosts look there unless a setting says otherwise",
      parse: parseUrl,
    },
    ...imageOptions,
    "trust-new": {
      type: "boolean",
      help: "Write the SHA-256 of what --supply brings to the list of what is taken (image/supplied/NAME.sha256)",
    },
    "update-lock": { type: "boolean", help: "Resolve the packages anew and write the locks, instead of building" },
    "update-golden": {
      type: "boolean",
      help: "Write the list of the image's executables anew, or with --program the hash of that program",
    },
    container: {
      type: "text",
      value: "NAME",
      help: "Make the OCI image of this host container, or of a fleet's operator or updater, instead of a host's",
      choices: ["admin", "control", "fleet", "ecs-updater"],
    },
    program: {
      type: "text",
      value: "RECIPE/PROGRAM",
      help: "Make a program of image/recipes/, such as kubernetes-1.20/kubectl, instead of an image",
      complete: async () => {
        const { recipes } = await import("../../image/recipes/all.ts");
        return [...recipes.values()].flatMap(({ name, programs }) =>
          Object.keys(programs).map((program) => ({ value: `${name}/${program}` })),
        );
      },
    },
    client: {
      type: "text",
      value: "PLATFORM",
      help: "Make an apiclient for this platform, instead of an image",
      choices: ["linux-x86_64", "linux-aarch64", "darwin-aarch64"],
    },
  },
  async run({ invocation: { signal } }, options): Promise<Result> {
    const startedMs = machineClock.elapsedMs();
    const { client, container, program } = options;
    const products = [client, container, program].filter((choice) => choice !== undefined);
    if (products.length + (options["update-lock"] ? 1 : 0) > 1) {
      throw usageFailure("--update-lock, --client, --container and --program exclude each other");
    }
    if (options["update-url"] !== undefined && options["update-root"] === undefined) {
      throw usageFailure(
        "--update-url needs --update-root: a host takes nothing from a repository that it does not trust",
      );
    }
    const directory = options.output ?? buildDirectory;
    const make = async (): Promise<Partial> => {
      if (options["update-lock"]) return await moveLock(options, signal);
      if (client !== undefined) return await makeClient(client, directory);
      if (container !== undefined) return await makeContainer(container, directory, options, signal);
      if (program !== undefined) return await makeRecipeProgram(program, directory, options, signal);
      return await makeImage(options, signal);
    };
    const result = await make();
    return { ...result, seconds: (machineClock.elapsedMs() - startedMs) / 1000 };
  },
  print: ({ made, changes = [], seconds }) =>
    [
      ...changes,
      ...made.map(({ path, bytes }) => `${path}  ${formatBytes(bytes)}`),
      `took ${formatDuration(seconds)}`,
    ].join("\n"),
});

/** @throws {Failure<"usage">} */
function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url !== null && ["http:", "https:"].includes(url.protocol) && url.search === "" && url.hash === "")
    return url.href;
  throw usageFailure(`an address such as https://updates.example.com/orlop is expected, not "${text}"`);
}

type Partial = Omit<Result, "seconds">;

async function makeImage(
  options: {
    variant: string;
    "variant-file": string | undefined;
    arch: "x86_64" | "aarch64" | undefined;
    output: string | undefined;
    mirror: string | undefined;
    "os-version": string | undefined;
    "update-root": string | undefined;
    "update-url": string | undefined;
    "update-golden": boolean;
    "trust-new": boolean;
  } & ImageChoices,
  signal: AbortSignal,
): Promise<Partial> {
  const { builtImage } = await import("./built-image.ts");
  const { artefactsOf } = await import("../../image/manifest.ts");
  const { machineArchitecture } = await import("../../image/packages/tools-root.ts");
  const { arch, output, mirror } = options;
  const golden = options["update-golden"] ? "write" : "check";
  const architecture = arch ?? machineArchitecture();
  const variant = await chosenVariant(options);
  const chosen = await imageChoicesIn(options);
  const { manifest, manifestPath } = await builtImage(
    {
      variant,
      architecture,
      output,
      mirror,
      golden,
      updateRoot: options["update-root"],
      updateUrl: options["update-url"],
      osVersion: options["os-version"],
      ...chosen,
      companions: options["with-containers"] ? "inside" : takesUpdates(variant, options) ? "beside" : undefined,
      supplied: { ...chosen.supplied, trust: options["trust-new"] ? "new" : "listed" },
    },
    signal,
  );
  const directory = output ?? buildDirectory;
  return {
    made: [
      ...artefactsOf(manifest).map(({ name, bytes }) => ({ path: join(directory, name), bytes })),
      { path: manifestPath, bytes: Bun.file(manifestPath).size },
    ],
  };
}

/** Whether its hosts trust an update repository, from which they would fetch the images of containers too. */
function takesUpdates(variant: string | OwnVariant, options: { "update-root": string | undefined }): boolean {
  return (
    options["update-root"] !== undefined || (typeof variant !== "string" && variant.file["update-root"] !== undefined)
  );
}

async function makeRecipeProgram(
  name: string,
  directory: string,
  options: { arch: "x86_64" | "aarch64" | undefined; mirror: string | undefined; "update-golden": boolean },
  signal: AbortSignal,
): Promise<Partial> {
  const { makeProgram, placeProgram } = await import("../../image/recipes/programs.ts");
  const { machineArchitecture } = await import("../../image/packages/tools-root.ts");
  const architecture = options.arch ?? machineArchitecture();
  const made = await makeProgram(name, {
    architecture,
    outputs: options["update-golden"] ? "write" : "check",
    fetch: { signal, ...defined({ mirror: options.mirror }) },
  });
  const path = join(directory, architecture, made.recipe.name, made.program);
  await placeProgram(made.path, path);
  return { made: [{ path, bytes: Bun.file(path).size }] };
}

async function makeClient(
  platform: "linux-x86_64" | "linux-aarch64" | "darwin-aarch64",
  directory: string,
): Promise<Partial> {
  const { compileClient } = await import("../../programs/compile.ts");
  const path = join(directory, `apiclient-${platform}`);
  await compileClient(platform, path);
  return { made: [{ path, bytes: Bun.file(path).size }] };
}

async function makeContainer(
  image: "admin" | "control" | "fleet" | "ecs-updater",
  directory: string,
  options: {
    arch: "x86_64" | "aarch64" | undefined;
    mirror: string | undefined;
    supply: readonly string[];
    "trust-new": boolean;
  },
  signal: AbortSignal,
): Promise<Partial> {
  const { arch, mirror } = options;
  const { parseSupply } = await import("../../image/supplied/supplied.ts");
  const { builtContainer } = await import("./built-image.ts");
  const { machineArchitecture } = await import("../../image/packages/tools-root.ts");
  const { name, archive } = await builtContainer(
    {
      image,
      architecture: arch ?? machineArchitecture(),
      mirror,
      supplied: { supply: parseSupply(options.supply), trust: options["trust-new"] ? "new" : "listed" },
    },
    signal,
  );
  const path = join(directory, name);
  await mkdir(directory, { recursive: true });
  await copyFile(archive, path);
  return { made: [{ path, bytes: Bun.file(path).size }] };
}

async function moveLock(
  options: { variant: string; "variant-file": string | undefined; mirror: string | undefined },
  signal: AbortSignal,
): Promise<Partial> {
  const { architectures } = await import("../../variants/variant.ts");
  const chosen = await chosenVariant(options);
  const fetch = { signal, ...defined({ mirror: options.mirror }) };
  if (typeof chosen !== "string") return { made: [], changes: await moveOwnLock(chosen, fetch) };
  const { updateLock } = await import("../../image/packages/update-lock.ts");
  const { variants } = await import("../../variants/all.ts");
  const changes = await updateLock(architectures, { variants: [...variants.values()], ...fetch });
  return { made: [], changes: changes.length === 0 ? ["the locks are up to date"] : changes };
}

async function moveOwnLock(own: OwnVariant, fetch: FetchOptions): Promise<string[]> {
  const { updateOwnLock } = await import("../../image/additions/own-lock.ts");
  const { variantNamed } = await import("../../variants/all.ts");
  const { base, packages: wanted } = own.file;
  if (wanted.length === 0) return ["the variant has no packages of its own to lock"];
  const changes: string[] = [];
  for (const architecture of own.variant.architectures) {
    changes.push(...(await updateOwnLock(own.path, { base: variantNamed(base), wanted }, architecture, fetch)));
  }
  return changes;
}
