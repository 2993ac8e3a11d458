/**
 * From a variant to a disk image and the files of an update: packages → root → EROFS → dm-verity → UKI → disk.
 *
 * Every step (`steps/`) is kept by its inputs, and gives the same bytes for the same inputs, so an image is determined by
 * the commit, the lock and the signing key.
 */
import { taskNetworkPaths } from "../variants/flavours/task-network.ts";
import { basePrograms, type Architecture, type Variant } from "../variants/variant.ts";
import { type Built, writeArtefacts } from "./artefacts.ts";
import { InputFile, inputFile } from "./inputs.ts";
import type { Companions } from "./oci/container-image.ts";
import type { FetchOptions } from "./packages/fetch.ts";
import { makeModuleKit } from "./module-kit/module-kit.ts";
import { planImage, type PlanOptions } from "./plan.ts";
import { makeProgram, type ProgramOptions } from "./recipes/programs.ts";
import { checkGolden, executablesOf } from "./root/golden.ts";
import type { PlacedProgram } from "./root/packages.ts";
import { makeBoot } from "./steps/boot.ts";
import { makeInitrd } from "./steps/initrd.ts";
import { makePauseImage, pauseArchives } from "./steps/pause.ts";
import { makeRoot } from "./steps/root.ts";
import { sealRoot } from "./steps/sealed.ts";
import { type SuppliedOptions, trustedSupply } from "./supplied/supplied.ts";

export type BuildOptions = PlanOptions & {
  /** Where the artefacts go; made when it is not there. */
  output: string;
  /** What to do when the executables differ from the golden list: refuse, or write the list anew. */
  golden?: "check" | "write";
  /** Where that list is; among those of this tree unless given. */
  goldenPath?: string;
  fetch?: FetchOptions;
  /** Programs that no registry carries (`supplied/`). */
  supplied?: Omit<SuppliedOptions, "architecture">;
  /** Images of containers that come with it; they are not made before it is known that the image can be. */
  companions?: () => Promise<Companions>;
  /** Also makes what kernel modules for the image's hosts are built with. */
  moduleKit?: boolean;
};

/**
 * Builds an image of a variant.
 *
 * @throws {Failure<"variant-lacks">} when the variant cannot be built yet
 */
export async function buildImage(variant: Variant, architecture: Architecture, options: BuildOptions): Promise<Built> {
  const {
    output,
    golden = "check",
    goldenPath,
    fetch = {},
    companions: makeCompanions = async () => ({ images: {}, place: "beside" }),
    moduleKit = false,
    supplied = { supply: {} },
    ...wanted
  } = options;
  const plan = await planImage(variant, architecture, wanted, fetch);
  const companions = await makeCompanions();

  const programs = [
    ...(await takeSupplied(variant, { architecture, ...supplied })),
    ...(await makeRecipePrograms(variant, { architecture, fetch })),
  ];
  const archive = pauseArchives[variant.orchestrator.kind];
  const pause = archive === undefined ? undefined : await makePauseImage({ ...plan, ...archive }, fetch);
  const root = await makeRoot({ ...plan, programs, pause }, fetch);
  const executables = withoutPaths(await executablesOf(root), Object.keys(taskNetworkPaths));
  await checkGolden(variant.name, architecture, executables, golden, goldenPath);
  const initrd = await makeInitrd({ ...plan, root }, fetch);
  const sealed = await sealRoot({ ...plan, programs, root, copies: await copiesOf(companions) }, fetch);
  const boot = await makeBoot({ ...plan, root, initrd, sealed }, fetch);
  const kit = moduleKit ? await makeModuleKit({ ...plan, root }, fetch) : undefined;
  return await writeArtefacts(plan, { sealed, boot, moduleKit: kit, companions: companions.images }, output);
}

/** What may be brought or not is no matter of the list; its SHA-256 is on one of its own. */
function withoutPaths(executables: string, paths: readonly string[]): string {
  const left = new Set(paths.map((path) => `/${path}`));
  const lines = executables.split("\n").filter((line) => !left.has(line));
  return lines.join("\n");
}

/** Archives that lie in the root. */
async function copiesOf({ images, place }: Companions): Promise<Record<string, InputFile>> {
  const copies: Record<string, InputFile> = {};
  if (place === "inside")
    for (const [name, { archive }] of Object.entries(images)) copies[name] = await inputFile(archive);
  return copies;
}

/** Those that whoever builds the image has to bring. */
async function takeSupplied(
  { supplied = {} }: Pick<Variant, "supplied">,
  options: SuppliedOptions,
): Promise<PlacedProgram[]> {
  const placed: PlacedProgram[] = [];
  for (const [place, wanted] of Object.entries(supplied)) {
    const { name, file, license, spdx } = await trustedSupply(wanted, options);
    const version = file.sha256.slice(0, 12);
    const recipe = { name, version, purl: `pkg:generic/${name}?checksum=sha256:${file.sha256}`, license: spdx };
    placed.push({ name, place, file, licenseFile: license, recipe });
  }
  return placed;
}

/** The programs of a host of the variant that recipes make, each at its place in the root. */
async function makeRecipePrograms(
  variant: Pick<Variant, "programs">,
  options: ProgramOptions,
): Promise<PlacedProgram[]> {
  const made: PlacedProgram[] = [];
  for (const [place, wanted] of Object.entries({ ...basePrograms, ...variant.programs })) {
    const { program, recipe, path, sha256 } = await makeProgram(wanted, options);
    const { name, version, purl, license } = recipe;
    made.push({ name: program, place, file: new InputFile(path, sha256), recipe: { name, version, purl, license } });
  }
  return made;
}
