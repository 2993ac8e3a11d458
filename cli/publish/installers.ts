/** `./orlop publish iso` and `./orlop publish netboot`: images that install themselves to a disk of a machine. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FinishedBuild } from "../../image/finished-build.ts";
import type { UserDataPlace } from "../../installer/order.ts";
import { parseDiskRule } from "../../installer/disk-rule.ts";
import { isWebAddress, parseUserDataPlace } from "../../installer/user-data-place.ts";
import { type Options, usageFailure, type ValuesOf } from "../../lib/command/command.ts";
import { Failure } from "../../lib/failure.ts";
import { formatBytes } from "../../lib/progress.ts";
import type { InstallerPublishOptions } from "../../publish/metal/installer.ts";
import type { Variant } from "../../variants/variant.ts";
import { buildDirectory, variantFileOption, verb } from "../context.ts";
import { signingKeyIn, signingKeyOptions } from "../image/signing-key.ts";
import { buildArgument, outputOption, parseCount } from "./options.ts";

const installerOptions = {
  output: outputOption,
  "variant-file": {
    ...variantFileOption,
    help: "The variant of your own that the build is of, whose keys sign its images and whose settings user data has",
  },
  disk: {
    type: "text",
    value: "RULE",
    help: "Which disk is erased: only (the only fixed one), smallest, largest, /dev/NAME, serial=…, model=… or wwid=… with * in it",
    default: "only",
    parse: (text: string): string => {
      parseDiskRule(text);
      return text;
    },
  },
  "user-data": {
    type: "text",
    value: "FILE",
    help: "What each host made by it reads at its first boot; whoever has the installer can read it",
    complete: "files",
  },
  "user-data-from": {
    type: "text",
    value: "PLACE",
    help: "Where the installer finds that instead: https://…/{mac}.toml ({uuid} and {serial} too), or LABEL=NAME of a stick with user-data.toml",
    parse: parseUserDataPlace,
  },
  countdown: {
    type: "text",
    value: "SECONDS",
    help: "How long what will be erased stands on the console before it is",
    default: "30",
    parse: parseCount,
  },
  replace: { type: "boolean", help: "Also erase where a disk of the machine holds an installation already" },
  "power-off": { type: "boolean", help: "Switch the machine off afterwards instead of starting it" },
  ...signingKeyOptions,
} as const satisfies Options;

const notes = `The installer is signed like the image and has its hash. It says what it will erase, counts down, writes, reads the disk
back, and makes the firmware start it. A machine that has an installation keeps it.`;

export const publishIso = verb({
  name: "publish iso",
  summary: "Make a CD-ROM, or stick, that installs a build for physical machines by itself",
  description: notes,
  examples: [
    { run: "./orlop publish iso build/metal --user-data user-data.toml", description: "every machine the same" },
    {
      run: "./orlop publish iso build/metal --disk 'model=*SSD*' --user-data-from LABEL=ORLOP",
      description: "a stick beside it says who a machine is",
    },
  ],
  arguments: { build: buildArgument },
  options: installerOptions,
  async run({ invocation: { signal } }, values) {
    const { readBuild } = await import("../../image/finished-build.ts");
    const { publishIso: publish } = await import("../../publish/metal/publish-iso.ts");
    const build = await readBuild(values.build);
    return [sized(await publish(build, await publishOptions(build, values, signal)))];
  },
  print: listed,
});

export const publishNetboot = verb({
  name: "publish netboot",
  summary: "Make the files from which physical machines start over the network, and install a build by themselves",
  description: notes,
  examples: [
    {
      run: "./orlop publish netboot build/metal --url http://provision.example.com/orlop/ --user-data-from http://provision.example.com/{mac}.toml",
      description: "NAME-installer.efi for TFTP or HTTP boot, NAME.img.zst for that directory",
    },
  ],
  arguments: { build: buildArgument },
  options: {
    ...installerOptions,
    url: {
      type: "text",
      value: "URL",
      help: "The directory from which the installer fetches the image",
      required: true,
      parse: parseDirectoryUrl,
    },
  },
  async run({ invocation: { signal } }, values) {
    const { readBuild } = await import("../../image/finished-build.ts");
    const { publishNetboot: publish } = await import("../../publish/metal/publish-netboot.ts");
    const build = await readBuild(values.build);
    return (await publish(build, values.url, await publishOptions(build, values, signal))).map(sized);
  },
  print: listed,
});

type Sized = { path: string; bytes: number };

function sized(path: string): Sized {
  return { path, bytes: Bun.file(path).size };
}

function listed(made: readonly Sized[]): string {
  return made.map(({ path, bytes }) => `${path}  ${formatBytes(bytes)}`).join("\n");
}

/** @throws {Failure<"usage">} */
function parseDirectoryUrl(text: string): string {
  if (isWebAddress(text)) return text;
  throw usageFailure(`an address such as http://provision.example.com/orlop/ is expected, not "${text}"`);
}

async function publishOptions(
  build: FinishedBuild,
  values: ValuesOf<typeof installerOptions, Record<never, never>>,
  signal: AbortSignal,
): Promise<InstallerPublishOptions> {
  const { compileInstaller } = await import("../../programs/compile.ts");
  const { platformOf } = await import("../../publish/metal/installer.ts");
  const { variant, keys } = await variantOf(build, values["variant-file"]);
  platformOf(build, variant); // before a program is compiled for it
  const { architecture } = build.manifest;
  const signingKey = signingKeyIn("signing", values["signing-key"], values["signing-certificate"]);
  const userData = await userDataOf(values, variant);
  const program = join(buildDirectory, `installer-${architecture}`, "installer");
  await compileInstaller(architecture, program);
  return {
    output: values.output,
    variant,
    keys,
    signingKey,
    program,
    chosen: {
      disk: values.disk,
      userData,
      countdownSeconds: values.countdown,
      replace: values.replace,
      afterwards: values["power-off"] ? "power-off" : "reboot",
    },
    signal,
  };
}

/**
 * The variant of a build: that of the table, or the one of somebody's own that a file describes.
 *
 * @throws {Failure<"no-such-variant" | "wrong-variant">}
 */
async function variantOf(
  { name, manifest }: FinishedBuild,
  file: string | undefined,
): Promise<{ variant: Variant; keys?: string | undefined }> {
  if (file === undefined) {
    const { variants } = await import("../../variants/all.ts");
    const variant = variants.get(manifest.variant);
    if (variant !== undefined) return { variant };
    throw new Failure("no-such-variant", `cannot make an installer of ${name}: the table has no ${manifest.variant}`, {
      hint: "--variant-file names the file of a variant of your own",
    });
  }
  const { readVariantFile } = await import("../image/own-variant.ts");
  const { beside } = await import("../../image/additions/additions-of.ts");
  const own = await readVariantFile(file);
  const { "signing-keys": keys } = own.file;
  if (own.variant.name === manifest.variant)
    return { variant: own.variant, keys: keys === undefined ? undefined : beside(own, keys) };
  throw new Failure("wrong-variant", `cannot make an installer of ${name}: ${file} describes ${own.variant.name}`);
}

/** @throws {Failure<"usage" | "bad-user-data">} */
async function userDataOf(
  values: { "user-data": string | undefined; "user-data-from": UserDataPlace | undefined },
  variant: Variant,
): Promise<UserDataPlace> {
  const { "user-data": path, "user-data-from": place } = values;
  if (path !== undefined && place !== undefined)
    throw usageFailure("--user-data and --user-data-from exclude each other");
  if (path === undefined) return place ?? { kind: "none" };
  const text = await readFile(path, "utf8");
  await requireValid(path, text, variant);
  return { kind: "text", text };
}

/** A host whose user data is bad boots without it: better that nobody installs one. */
async function requireValid(path: string, text: string, variant: Variant): Promise<void> {
  const { checkDocument, describeCheck } = await import("../../settings/document/check.ts");
  const { modelFor } = await import("../../settings/model/model.ts");
  const report = checkDocument(text, modelFor(variant), new Date());
  if (report.valid) return;
  throw new Failure(
    "bad-user-data",
    `cannot hand over ${path}: a host would not take it:\n${describeCheck(path, report)}`,
  );
}
