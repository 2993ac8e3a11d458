/** What the firmware starts, the signed unified kernel image and the signed boot loader, and what makes it trust them. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { commandLine, rootWords } from "../boot/command-line.ts";
import { makeEnrolment } from "../boot/enrolment.ts";
import { signEfi } from "../boot/sign.ts";
import { withoutFirmwareWords } from "../boot/stub.ts";
import { efiNames, makeUnifiedImage } from "../boot/unified-image.ts";
import { packInitrd } from "../initrd/pack.ts";
import type { KeyedDirectory } from "../inputs.ts";
import type { FetchOptions } from "../packages/fetch.ts";
import { type LockedPackage, packagesOf } from "../packages/lock.ts";
import { unpackPackages } from "../packages/unpack-packages.ts";
import { type ImagePlan, identityOf, signingKeyOf } from "../plan.ts";
import { kernelVersion } from "../root/kernel-modules.ts";
import { osRelease } from "../root/os-release.ts";
import { step } from "../step.ts";
import { readVerity } from "../verity.ts";

/** Size limit of firmware that loads the image into one block of memory; more would be a mistake of ours. */
const maxInitrdBytes = 48 * 1024 * 1024;

/** Makes `directory/unified.efi` and `directory/loader.efi`, both signed, and the files of `enrolment.ts`. */
export const makeBoot = step({
  name: ({ variant, architecture }) => `boot-${variant.name}-${architecture}`,
  label: () => "signed unified kernel image",
  module: import.meta.path,
  inputs: (plan: ImagePlan & { root: KeyedDirectory; initrd: KeyedDirectory; sealed: KeyedDirectory }) => {
    const { tools, signingTools, bootKeys, moduleCertificate, lock, variant, epochSeconds, root, initrd, sealed } =
      plan;
    return {
      tools,
      signingTools,
      bootKeys,
      moduleCertificate,
      // Boot loader and stub, for the target's architecture.
      packages: packagesOf(lock, ["boot"]),
      root,
      initrd,
      sealed,
      kernel: {
        platform: variant.platform,
        kernelParameters: variant.kernelParameters,
        orchestrator: variant.orchestrator,
      },
      identity: identityOf(plan),
      epochSeconds,
    };
  },
  async make(directory, inputs, fetch) {
    const { signingTools, packages, root, sealed, kernel, identity, epochSeconds } = inputs;
    const { architecture } = identity;
    const { platform, exchange, image, pcr } = inputs.bootKeys;
    const keys = { platform: signingKeyOf(platform), exchange: signingKeyOf(exchange), image: signingKeyOf(image) };
    const initrd = join(inputs.initrd.directory, "initrd");
    refuseLarge(initrd);
    const loaders = join(directory, "packages");
    await unpackLoaders(loaders, packages, fetch);
    const efi = join(loaders, "usr/lib/systemd/boot/efi");
    const name = efiNames[architecture];
    const vmlinuz = join(directory, "vmlinuz");
    await writeFile(vmlinuz, await plainKernel(join(root.directory, "kernel")));
    const verity = await readVerity(sealed.directory);
    const words = await packWords(inputs, directory, rootWords(verity));
    const stub = join(efi, `linux${name}.efi.stub`);
    await writeFile(stub, withoutFirmwareWords(await readFile(stub), architecture));
    const unsigned = join(directory, "unsigned.efi");
    await makeUnifiedImage(signingTools, unsigned, {
      architecture,
      initrds: [initrd, words],
      kernel: vmlinuz,
      epochSeconds,
      stub,
      kernelVersion: await kernelVersion(join(root.directory, "root")),
      commandLine: commandLine(kernel, architecture, verity),
      osRelease: osRelease(identity),
      pcrKey: signingKeyOf(pcr),
    });
    await signEfi(signingTools, keys.image, { input: unsigned, output: join(directory, "unified.efi"), epochSeconds });
    const loader = join(directory, "unsigned-loader.efi");
    await rename(join(efi, `systemd-boot${name}.efi`), loader);
    await signEfi(signingTools, keys.image, { input: loader, output: join(directory, "loader.efi"), epochSeconds });
    await rename(join(efi, `addon${name}.efi.stub`), join(directory, "addon.efi.stub"));
    const modules = inputs.moduleCertificate?.path;
    await makeEnrolment(signingTools, { ...keys, modules }, directory, epochSeconds);
    for (const path of [vmlinuz, unsigned, loader, words]) await rm(path);
    await rm(loaders, { recursive: true });
  },
});

/** An archive with `root.words`, for the initrd before it. */
async function packWords(
  { tools, epochSeconds }: Pick<ImagePlan, "tools" | "epochSeconds">,
  directory: string,
  words: readonly string[],
): Promise<string> {
  const [tree, archive] = [join(directory, "words"), join(directory, "words.cpio")];
  await mkdir(tree);
  await writeFile(join(tree, "root.words"), words.map((word) => `${word}\n`).join(""), { mode: 0o644 });
  await packInitrd(tools, tree, archive, epochSeconds);
  await rm(tree, { recursive: true });
  return archive;
}

function refuseLarge(initrd: string): void {
  const { size } = Bun.file(initrd);
  if (size <= maxInitrdBytes) return;
  throw new Failure("initrd-too-large", `cannot make the unified image: the initrd has ${size} bytes`);
}

/** @param packages those of `bootPackages` */
export async function unpackLoaders(
  directory: string,
  packages: readonly LockedPackage[],
  fetch: FetchOptions = {},
): Promise<void> {
  await mkdir(directory);
  await unpackPackages(packages, directory, { label: "unpacking the boot loader", exclude: ["usr/share"] }, fetch);
}

/** Debian's arm64 kernel is gzipped, which the stub cannot start. */
async function plainKernel(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? Bun.gunzipSync(bytes) : bytes;
}
