/**
 * From a variant to a disk image and the files of an update: packages → root → EROFS → dm-verity → UKI → disk.
 *
 * Every step is kept by its inputs (`step.ts`), and every step gives the same bytes for the same inputs, so an image is
 * determined by the commit, the lock and the signing key.
 */
import { copyFile, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isNotFound } from "../lib/failure.ts";
import { writeFileAtomic } from "../lib/files/files.ts";
import { workDirectory } from "../lib/files/work-directory.ts";
import type { Architecture, Variant } from "../variants/variant.ts";
import { migrations } from "../settings/migrations/all.ts";
import { makeBoot } from "./boot/make-boot.ts";
import { openSigningKey, type SigningKey } from "./boot/signing-key.ts";
import { checkVersion } from "./commit.ts";
import { diskLayout } from "./disk/layout.ts";
import { makeDisk } from "./disk/make-disk.ts";
import { espFiles } from "./disk/esp.ts";
import { derivedUuid } from "./derived-uuid.ts";
import { makeInitrd, initrdContentHash } from "./initrd/make-initrd.ts";
import { artefact, type Manifest, payload } from "./manifest.ts";
import { cacheDirectory, sha256OfFile } from "./packages/cache.ts";
import { epochSecondsOf, type Lock, type LockedPackage, packagesOf, readLock } from "./packages/lock.ts";
import { makePauseImage } from "./oci/pause-image.ts";
import { openToolsRoot, type ToolsRoot } from "./packages/tools-root.ts";
import { makeProgram } from "./recipes/programs.ts";
import { sealRoot } from "./root/seal-root.ts";
import { checkGolden } from "./root/golden.ts";
import { makeRoot, type PlacedProgram, rootPackages } from "./root/make-root.ts";
import { osContentHash, osFiles, partsOf } from "./root/os-content.ts";
import { imageName, type ImageIdentity } from "./root/os-release.ts";
import { type Made, runStep } from "./step.ts";
import { readVerity } from "./verity.ts";

export type BuildOptions = {
  /** "0.1.0" */
  version: string;
  /** As from `commitOf`. */
  commit: string;
  /** The host's executable, compiled for the architecture (`programs/compile.ts`). */
  hostBinary: string;
  /** The names that it is known by: itself and links (`host/names.ts`). */
  hostNames: { executable: string; links: readonly string[] };
  /** Where the artefacts go; made when it is not there. */
  output: string;
  /** Where kept steps and downloads are; the user's cache when absent. */
  cache?: string;
  /** Directory of the signing key; the user's own when absent. */
  keys?: string;
  /** The main archive's address; apt's configuration on this machine when absent. */
  mirror?: string;
  lock?: Lock;
  /** A root role (root.json) of the update repository that hosts shall trust; without it they take no updates. */
  updateRoot?: string;
  /** What to do when the executables differ from the golden list: refuse, or write the list anew. */
  golden?: "check" | "write";
  signal?: AbortSignal;
};

export type Built = {
  manifest: Manifest;
  /** The disk image. */
  image: string;
  manifestPath: string;
};

/** Everything that the steps of one image share. */
type Build = ImageIdentity & {
  variant: Variant;
  options: BuildOptions;
  cache: string;
  lock: Lock;
  tools: ToolsRoot;
  key: SigningKey;
  /** The lock's time is the "now" of everything in the image. */
  epochSeconds: number;
};

/**
 * Builds an image of a variant.
 *
 * @throws {Failure<"variant-lacks">} when the variant cannot be built yet
 */
export async function buildImage(variant: Variant, architecture: Architecture, options: BuildOptions): Promise<Built> {
  const build = await prepare(variant, architecture, options);
  const programs = await makePrograms(build);
  const root = await rootStep(build, programs);
  const initrd = await initrdStep(build, root);
  const sealed = await sealStep(build, root, programs);
  const boot = await bootStep(build, { root, initrd, sealed });
  return writeArtefacts(build, { sealed, boot });
}

async function prepare(variant: Variant, architecture: Architecture, options: BuildOptions): Promise<Build> {
  if (variant.lacks !== undefined) {
    throw new Failure("variant-lacks", `cannot build ${variant.name} yet: ${variant.lacks}`);
  }
  if (!variant.architectures.includes(architecture)) {
    throw new Failure("variant-lacks", `cannot build ${variant.name} for ${architecture}`, {
      hint: `choose one of ${variant.architectures.join(", ")}`,
    });
  }
  await requireFile(options.hostBinary);
  // Modes of what is made here go into the image.
  process.umask(0o022);
  const lock = options.lock ?? (await readLock(architecture));
  const tools = await openToolsRoot(from(options));
  return {
    variant,
    architecture,
    version: checkVersion(options.version),
    commit: options.commit,
    options,
    cache: options.cache ?? cacheDirectory(),
    lock,
    tools,
    key: await openSigningKey(tools, options.keys),
    epochSeconds: epochSecondsOf(lock),
  };
}

async function requireFile(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  throw new Failure("no-host-binary", `cannot build an image: the host's executable ${path} does not exist`, {
    hint: "compile it first (programs/compile.ts)",
  });
}

function from({ mirror, cache, signal }: BuildOptions): Pick<BuildOptions, "mirror" | "cache" | "signal"> {
  return {
    ...(mirror === undefined ? {} : { mirror }),
    ...(cache === undefined ? {} : { cache }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** Packages and OS content; all that does not change when only our programs do. */
async function rootStep(build: Build, programs: readonly PlacedProgram[]): Promise<Made> {
  const { variant, architecture, options, cache, lock, tools, epochSeconds } = build;
  const { hostNames } = options;
  const pause = variant.orchestrator.kind === "kubernetes" ? await pauseImage(build) : undefined;
  const names = [hostNames.executable, ...hostNames.links];
  const packages = rootPackages(lock, variant);
  const made = await runStep(cache, {
    name: `root-${variant.name}-${architecture}`,
    says: `root of ${variant.name} for ${architecture}`,
    module: join(import.meta.dir, "root/make-root.ts"),
    inputs: {
      ...packageInputs([...packages.host, ...packages.variant]),
      programs: programs.map(({ place, sha256 }) => `${place} ${sha256}`),
      pause: pause?.key ?? "",
      content: await osContentHash(await osFiles(partsOf(variant))),
      kernel: variant.kernel,
      interactive: String(variant.interactive),
      names,
      epochSeconds,
    },
    make: (directory) =>
      makeRoot(directory, {
        tools,
        lock,
        variant,
        epochSeconds,
        programs,
        hostNames: names,
        ...(pause === undefined ? {} : { pauseImage: join(pause.directory, "pause.tar") }),
        ...from(options),
      }),
  });
  const golden = await readFile(join(made.directory, "executables.golden"), "utf8");
  await checkGolden(variant.name, architecture, golden, options.golden ?? "check");
  return made;
}

/** The programs of a variant that are no Debian packages, each at its place in the root. */
async function makePrograms({ variant, architecture, options, cache }: Build): Promise<PlacedProgram[]> {
  const made: PlacedProgram[] = [];
  for (const [place, name] of Object.entries(variant.programs)) {
    const outputs = options.golden ?? "check";
    made.push({ place, ...(await makeProgram(name, { architecture, outputs, ...from(options), cache })) });
  }
  return made;
}

async function pauseImage({ architecture, options, cache, lock, tools, epochSeconds }: Build): Promise<Made> {
  return runStep(cache, {
    name: `pause-${architecture}`,
    says: "pause image",
    module: join(import.meta.dir, "oci/pause-image.ts"),
    inputs: { ...packageInputs(packagesOf(lock, ["pause"])), epochSeconds },
    make: (directory) => makePauseImage(directory, { tools, lock, architecture, epochSeconds, ...from(options) }),
  });
}

async function initrdStep(build: Build, root: Made): Promise<Made> {
  const { variant, architecture, options, cache, lock, tools, epochSeconds } = build;
  return runStep(cache, {
    name: `initrd-${variant.name}-${architecture}`,
    says: "initrd",
    module: join(import.meta.dir, "initrd/make-initrd.ts"),
    inputs: {
      ...packageInputs(packagesOf(lock, ["initrd", `kernel-${variant.kernel}`])),
      content: await initrdContentHash(),
      platform: variant.platform,
      epochSeconds,
    },
    make: (directory) =>
      makeInitrd(directory, {
        tools,
        lock,
        platform: variant.platform,
        epochSeconds,
        root: join(root.directory, "root"),
        ...from(options),
      }),
  });
}

/** The root with our programs in it, as EROFS with its hash tree. */
async function sealStep(build: Build, root: Made, programs: readonly PlacedProgram[]): Promise<Made> {
  const { variant, architecture, version, commit, options, cache, lock, tools, epochSeconds } = build;
  const packages = rootPackages(lock, variant);
  return runStep(cache, {
    name: `sealed-${variant.name}-${architecture}`,
    says: "EROFS and hash tree",
    module: join(import.meta.dir, "root/seal-root.ts"),
    inputs: {
      root: root.key,
      host: await sha256OfFile(options.hostBinary),
      programs: programs.map(({ place, sha256 }) => `${place} ${sha256}`),
      updateRoot: options.updateRoot === undefined ? "" : await sha256OfFile(options.updateRoot),
      names: [options.hostNames.executable, ...options.hostNames.links],
      version,
      commit,
      epochSeconds,
    },
    make: (directory) =>
      sealRoot(directory, {
        tools,
        lock,
        epochSeconds,
        root: join(root.directory, "root"),
        identity: { variant, architecture, version, commit },
        packages: [...packages.host, ...packages.variant],
        programs,
        hostBinary: options.hostBinary,
        hostNames: options.hostNames,
        ...(options.updateRoot === undefined ? {} : { updateRoot: options.updateRoot }),
      }),
  });
}

async function bootStep(build: Build, made: { root: Made; initrd: Made; sealed: Made }): Promise<Made> {
  const { variant, architecture, version, commit, options, cache, lock, tools, key, epochSeconds } = build;
  const packages = packagesOf(lock, ["boot"]);
  return runStep(cache, {
    name: `boot-${variant.name}-${architecture}`,
    says: "signed unified kernel image",
    module: join(import.meta.dir, "boot/make-boot.ts"),
    inputs: {
      ...packageInputs(packages),
      root: made.root.key,
      initrd: made.initrd.key,
      sealed: made.sealed.key,
      privateKey: await sha256OfFile(key.privateKey),
      certificate: await sha256OfFile(key.certificate),
      parameters: variant.kernelParameters,
      platform: variant.platform,
      version,
      commit,
      epochSeconds,
    },
    make: (directory) =>
      makeBoot(directory, {
        tools,
        key,
        packages,
        epochSeconds,
        variant,
        identity: { variant, architecture, version, commit },
        kernel: join(made.root.directory, "kernel"),
        root: join(made.root.directory, "root"),
        initrd: join(made.initrd.directory, "initrd"),
        sealed: made.sealed.directory,
        ...from(options),
      }),
  });
}

/** Nothing of a build is seen under its name before it is whole; the manifest comes last. */
async function writeArtefacts(build: Build, { sealed, boot }: { sealed: Made; boot: Made }): Promise<Built> {
  const { variant, architecture, version, commit, options, tools, epochSeconds } = build;
  const name = imageName(build);
  await using work = await workDirectory(join(options.output, ".work"));
  const working = work.path;
  const paths = {
    image: join(working, `${name}.img`),
    root: join(working, `${name}-root.erofs.zst`),
    hash: join(working, `${name}-root.verity.zst`),
    unifiedImage: join(working, `${name}.efi`),
    sbom: join(working, `${name}.spdx.json`),
  };
  const { rootHash } = await readVerity(sealed.directory);
  const erofs = join(sealed.directory, "root.erofs");
  const tree = join(sealed.directory, "root.verity");
  const esp = await espFiles(join(working, "esp"), { architecture, version, boot: boot.directory, epochSeconds });
  const layout = diskLayout({
    architecture,
    esp,
    root: { path: erofs, bytes: (await stat(erofs)).size },
    hash: { path: tree, bytes: (await stat(tree)).size },
  });
  await makeDisk(tools, paths.image, layout, { seed: derivedUuid("disk", `${name} ${rootHash}`), epochSeconds });
  await copyFile(`${erofs}.zst`, paths.root);
  await copyFile(`${tree}.zst`, paths.hash);
  await copyFile(join(boot.directory, "unified.efi"), paths.unifiedImage);
  await copyFile(join(sealed.directory, "sbom.spdx.json"), paths.sbom);
  const manifest: Manifest = {
    format: 1,
    variant: variant.name,
    architecture,
    version,
    commit,
    rootHash,
    disk: await artefact(paths.image),
    root: await payload(paths.root, erofs),
    hash: await payload(paths.hash, tree),
    unifiedImage: await artefact(paths.unifiedImage),
    sbom: await artefact(paths.sbom),
    migrations: [...migrations],
  };
  const manifestPath = join(options.output, `${name}.json`);
  await rm(manifestPath, { force: true });
  for (const path of Object.values(paths)) await rename(path, path.replace(working, options.output));
  await writeFileAtomic(manifestPath, `${JSON.stringify(manifest, undefined, 2)}\n`);
  return { manifest, image: join(options.output, `${name}.img`), manifestPath };
}

function packageInputs(packages: readonly LockedPackage[]): { packages: readonly string[] } {
  return { packages: packages.map(({ name, sha256 }) => `${name} ${sha256}`) };
}
