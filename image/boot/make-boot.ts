/** What the firmware starts, the signed unified kernel image and the signed boot loader, and what makes it trust them. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { Variant } from "../../variants/variant.ts";
import { fetchPackages } from "../packages/fetch.ts";
import type { LockedPackage } from "../packages/lock.ts";
import type { ToolsRoot } from "../packages/tools-root.ts";
import { unpackAll } from "../packages/unpack.ts";
import { kernelVersion } from "../root/kernel-modules.ts";
import { type ImageIdentity, osRelease } from "../root/os-release.ts";
import { readVerity } from "../verity.ts";
import { commandLine } from "./command-line.ts";
import { makeEnrolment } from "./enrolment.ts";
import { signEfi } from "./sign.ts";
import type { SigningKey } from "./signing-key.ts";
import { efiNames, makeUnifiedImage } from "./unified-image.ts";

export type BootInputs = {
  tools: ToolsRoot;
  key: SigningKey;
  variant: Variant;
  identity: ImageIdentity;
  /** Boot loader and stub, for the target's architecture. */
  packages: readonly LockedPackage[];
  kernel: string;
  /** The root whose modules are for that kernel. */
  root: string;
  initrd: string;
  /** Result of `sealRoot`. */
  sealed: string;
  epochSeconds: number;
  mirror?: string;
  cache?: string;
  signal?: AbortSignal;
};

/** Size limit of firmware that loads the image into one block of memory; more would be a mistake of ours. */
const maxInitrdBytes = 48 * 1024 * 1024;

/** Makes `directory/unified.efi` and `directory/loader.efi`, both signed, and the files of `enrolment.ts`. */
export async function makeBoot(directory: string, inputs: BootInputs): Promise<void> {
  const { tools, key, variant, identity, epochSeconds, initrd } = inputs;
  const { architecture } = identity;
  if (Bun.file(initrd).size > maxInitrdBytes) {
    throw new Failure(
      "initrd-too-large",
      `cannot make the unified image: the initrd has ${Bun.file(initrd).size} bytes`,
    );
  }
  const loaders = join(directory, "packages");
  await unpackLoaders(loaders, inputs);
  const efi = join(loaders, "usr/lib/systemd/boot/efi");
  const name = efiNames[architecture];
  const kernel = join(directory, "vmlinuz");
  await writeFile(kernel, await plainKernel(inputs.kernel));
  const unsigned = join(directory, "unsigned.efi");
  await makeUnifiedImage(tools, unsigned, {
    architecture,
    initrd,
    kernel,
    epochSeconds,
    stub: join(efi, `linux${name}.efi.stub`),
    kernelVersion: await kernelVersion(inputs.root),
    commandLine: commandLine(variant, architecture, await readVerity(inputs.sealed)),
    osRelease: osRelease(identity),
  });
  await signEfi(tools, key, { input: unsigned, output: join(directory, "unified.efi"), epochSeconds });
  const loader = join(directory, "unsigned-loader.efi");
  await rename(join(efi, `systemd-boot${name}.efi`), loader);
  await signEfi(tools, key, { input: loader, output: join(directory, "loader.efi"), epochSeconds });
  await makeEnrolment(tools, key, directory, epochSeconds);
  for (const path of [kernel, unsigned, loader]) await rm(path);
  await rm(loaders, { recursive: true });
}

/** @param packages those of `bootPackages` */
export async function unpackLoaders(
  directory: string,
  { packages, mirror, cache, signal }: Pick<BootInputs, "packages" | "mirror" | "cache" | "signal">,
): Promise<void> {
  const options = {
    ...(signal === undefined ? {} : { signal }),
    ...(mirror === undefined ? {} : { mirror }),
    ...(cache === undefined ? {} : { cache }),
  };
  const files = await fetchPackages(packages, options);
  await mkdir(directory);
  const debs = packages.map((item) => ({ name: item.name, file: files.get(item.sha256) ?? "" }));
  await unpackAll(debs, directory, { says: "unpacking the boot loader", exclude: ["usr/share"], ...options });
}

/** Debian's arm64 kernel is gzipped, which the stub cannot start. */
async function plainKernel(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? Bun.gunzipSync(bytes) : bytes;
}
