/** Packages in, root directory out: what maintainer scripts and an installer would do, done visibly and without them. */
import { chmod, copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { AddedDeb } from "../additions/additions.ts";
import type { KeyedDirectory } from "../inputs.ts";
import type { TarEntry } from "../packages/debian/tar-listing.ts";
import type { Deb } from "../packages/unpack.ts";
import { unpackPackages } from "../packages/unpack-packages.ts";
import type { ImagePlan } from "../plan.ts";
import { placeProgram } from "../recipes/programs.ts";
import { makeAccounts } from "../root/accounts.ts";
import { linkAlternatives } from "../root/alternatives.ts";
import { excluded } from "../root/excluded.ts";
import { type ExecutableGroup, hostExecutables, neverExecutables, someExecutables } from "../root/executable-groups.ts";
import { executablesIn, formatGolden, keepOnly, unfitExecutables } from "../root/executables.ts";
import { makeFactory } from "../root/factory.ts";
import { settleKernel } from "../root/kernel-modules.ts";
import { type OsFile, osFiles, partsOf, placeOsContent } from "../root/os-content.ts";
import { type PlacedProgram, type RootPackages, rootPackages } from "../root/packages.ts";
import { walk } from "../root/tree.ts";
import { makeTrustStore } from "../root/trust-store.ts";
import { enableUnits, pruneUnits, refuseCredentials, unitNames } from "../root/units.ts";
import { step } from "../step.ts";
import { placePauseImage } from "./pause.ts";

/** Mount points and directories that the running system expects; all else lies below them. */
const directories: Readonly<Record<string, number>> = {
  dev: 0o755,
  efi: 0o755,
  etc: 0o755,
  home: 0o755,
  local: 0o755,
  mnt: 0o755,
  opt: 0o755,
  proc: 0o555,
  root: 0o700,
  run: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  var: 0o755,
  // Where the daemon has the private partition before the data partition is there.
  "var/lib/orlop": 0o700,
  // Its PrivateTmp= is mounted there.
  "var/tmp": 0o1777,
};

/**
 * Makes `directory/root`, the kernel beside it as `directory/kernel`, and the list of executables as
 * `directory/executables.golden`. The host's executable and os-release are not in it: they change with every build.
 *
 * @param pause the image that pods and tasks start from
 */
export const makeRoot = step({
  name: ({ variant, architecture }) => `root-${variant.name}-${architecture}`,
  label: ({ variant, architecture }) => `root of ${variant.name} for ${architecture}`,
  module: import.meta.path,
  inputs: async ({
    tools,
    lock,
    variant,
    additions,
    hostNames,
    epochSeconds,
    programs,
    pause,
  }: ImagePlan & { programs: readonly PlacedProgram[]; pause: KeyedDirectory | undefined }) => ({
    tools,
    packages: rootPackages(lock, variant, additions),
    content: [...(await osFiles(partsOf(variant))), ...(additions?.files ?? [])],
    debs: additions?.debs ?? [],
    programs,
    pause,
    hostNames: [hostNames.executable, ...hostNames.links],
    interactive: variant.interactive,
    orchestrator: variant.orchestrator.kind,
    epochSeconds,
  }),
  async make(directory, inputs, fetch) {
    const { tools, packages, content, debs, programs, pause, hostNames, interactive, orchestrator, epochSeconds } =
      inputs;
    const root = join(directory, "root");
    await mkdir(root);
    const all = [...packages.host, ...packages.variant];
    const brought = await unpackPackages(
      all,
      root,
      { label: "unpacking the root", exclude: excluded },
      fetch,
      filesOf(debs),
    );
    const added = addedPaths(debs, brought);
    for (const { name, place, file, licenseFile } of programs) {
      await placeProgram(file.path, join(root, place));
      if (licenseFile !== undefined) await placeLicense(root, name, licenseFile.path);
    }

    const groups = [
      ...executableGroups(packages, brought, interactive),
      ...programGroups(programs),
      ...debs.map(({ name }) => ({
        reason: `the package ${name} of the variant`,
        paths: programsOf(brought.get(name) ?? []),
      })),
      { reason: "what update-alternatives would have linked", paths: await linkAlternatives(root) },
    ];
    await keepOnly(root, groups);
    await pruneUnits(root);
    await placeOsContent(root, content);
    await refuseCredentials(root);
    if (pause !== undefined) await placePauseImage(root, orchestrator, pause);
    await settleKernel(tools, root, join(directory, "kernel"));
    await makeAccounts(tools, root, epochSeconds);
    await makeTrustStore(root);
    const ownPaths = [...content.map(({ path }) => path), ...added];
    await enableUnits(tools, root, unitNames(ownPaths));
    const ownFiles = ownPaths.filter((path) => path.startsWith("etc/")).map((path) => path.slice("etc/".length));
    await makeFactory(root, { own: ownFiles, interactive });
    await makeDirectories(root);
    await removeSetUid(root);

    const problems = await unfitExecutables(root, { scripts: interactive });
    if (problems.length > 0) throw new Failure("unfit-root", `cannot use this root: ${problems.join("; ")}`);
    const own = ownExecutables(hostNames);
    const executables = [...executablesIn(await walk(root)), ...own.paths];
    await writeFile(
      join(directory, "executables.golden"),
      formatGolden(executables, [...groups, filesGroup(content), own]),
    );
  },
});

/** Where Debian's packages have theirs. */
async function placeLicense(root: string, name: string, license: string): Promise<void> {
  const target = join(root, "usr/share/doc", name, "copyright");
  await mkdir(dirname(target), { recursive: true });
  await copyFile(license, target);
  await chmod(target, 0o644);
}

const filesOf = (debs: readonly AddedDeb[]): Deb[] => debs.map(({ name, file }) => ({ name, file: file.path }));

/** What a variant's own packages brought, but for directories: their units are enabled, and their configuration stays. */
function addedPaths(debs: readonly AddedDeb[], brought: ReadonlyMap<string, readonly TarEntry[]>): string[] {
  return debs
    .flatMap(({ name }) => brought.get(name) ?? [])
    .filter(({ type }) => type !== "directory")
    .map(({ path }) => merged(path));
}

function filesGroup(content: readonly OsFile[]): ExecutableGroup {
  const paths = content.filter(({ mode = 0 }) => (mode & 0o111) !== 0).map(({ path }) => path);
  return { reason: "files of the variant", paths };
}

/** Where a path lies in a root whose programs and libraries are all below /usr. */
const merged = (path: string): string => path.replace(/^(bin|sbin|lib|lib64)\//, "usr/$1/");

function programGroups(programs: readonly PlacedProgram[]): ExecutableGroup[] {
  const reasonOf = ({ name, recipe, licenseFile }: PlacedProgram): string =>
    licenseFile === undefined ? `made by the recipe ${recipe.name}` : `supplied as ${name}`;
  return [...Map.groupBy(programs, reasonOf)].map(([reason, made]) => {
    return { reason, paths: made.map(({ place }) => place) };
  });
}

/** Reasons for every program: a table for hosts; in interactive variants also each package that a person asked for. */
function executableGroups(
  packages: RootPackages,
  brought: ReadonlyMap<string, readonly TarEntry[]>,
  interactive: boolean,
): ExecutableGroup[] {
  if (!interactive) {
    const ofVariant = packages.variant.map(({ name }) => ({
      reason: name,
      paths:
        someExecutables[name] ?? programsOf(brought.get(name) ?? []).filter((path) => !neverExecutables.includes(path)),
    }));
    return [...hostExecutables, ...ofVariant.filter(({ paths }) => paths.length > 0)];
  }
  const listed = new Set([...hostExecutables.flatMap(({ paths }) => paths), ...neverExecutables]);
  const rest = [...packages.host, ...packages.variant].map(({ name }) => ({
    reason: `for people who look inside: ${name}`,
    paths: programsOf(brought.get(name) ?? []).filter((path) => !listed.has(path)),
  }));
  return [...hostExecutables, ...rest.filter(({ paths }) => paths.length > 0)];
}

function programsOf(entries: readonly TarEntry[]): string[] {
  return executablesIn(
    entries.map(({ path, type, permissions, bytes }) => ({
      path: merged(path),
      type: type === "hardlink" ? "file" : type === "device" ? "other" : type,
      mode: /x|s/.test(permissions) ? 0o755 : 0o644,
      bytes,
    })),
  );
}

/** The host's own programs, which are laid into the root later. */
function ownExecutables(names: readonly string[]): ExecutableGroup {
  return {
    reason: "the host itself: one executable, known by several names",
    paths: names.map((name) => `usr/bin/${name}`),
  };
}

async function makeDirectories(root: string): Promise<void> {
  for (const { path, type } of await walk(root)) {
    const first = path.split("/", 1)[0] ?? "";
    // A package's /var and the like would be hidden by the mounts that come there.
    if (type === "directory" && path === first && first in directories) await rm(join(root, path), { recursive: true });
  }
  for (const [name, mode] of Object.entries(directories)) {
    await mkdir(join(root, name), { recursive: true });
    await chmod(join(root, name), mode);
  }
}

/** Without logins there is nobody to become somebody else. */
async function removeSetUid(root: string): Promise<void> {
  for (const { path, type, mode } of await walk(root)) {
    if (type === "file" && (mode & 0o6000) !== 0) await chmod(join(root, path), mode & 0o777);
  }
}
