/** What an extension holds: gathered from directories and Debian packages, and held against the image that it is for. */
import { chmod, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { run } from "../../lib/program/process.ts";
import { type ExtensionHost, extensionRelease, extensionReleasePath } from "../../repo/extension.ts";
import { unpackAll } from "../packages/unpack.ts";
import { unread } from "../packages/unread.ts";
import { unfitExecutables } from "../root/executables.ts";
import { type TreeEntry, walk } from "../root/tree.ts";

export type ExtensionContent = {
  name: string;
  /** Directories that stand for `/`, and files of Debian packages. */
  sources: readonly string[];
};

/** So many paths are named where more are wrong. */
const mostNamed = 10;

/**
 * Fills a directory.
 *
 * @throws {Failure<"no-such-file" | "bad-package" | "bad-extension">}
 */
export async function gatherExtension(
  tree: string,
  { name, sources }: ExtensionContent,
  host: ExtensionHost,
): Promise<void> {
  const directories: string[] = [];
  const packages: string[] = [];
  for (const source of sources) ((await isDirectory(source)) ? directories : packages).push(source);
  await mkdir(tree, { recursive: true });
  await unpackDebs(tree, packages);
  for (const directory of directories) await copyInto(tree, directory);
  const entries = await walk(tree);
  if (!entries.some(({ type }) => type !== "directory")) {
    throw new Failure("bad-extension", `cannot make the extension ${name}: ${sources.join(", ")} holds no file`);
  }
  refuseAny(name, "it may hold nothing outside /usr", outsideUsr(entries));
  refuseAny(name, "it may hold nothing but files, links and directories", special(entries));
  const release = join(tree, extensionReleasePath(name));
  await mkdir(dirname(release), { recursive: true });
  await writeFile(release, extensionRelease(host));
  // The umask of whoever builds is no part of it.
  for (const path of [release, dirname(release), dirname(dirname(release)), join(tree, "usr"), tree])
    await chmod(path, path === release ? 0o644 : 0o755);
}

/**
 * Refuses what the image has already, or could not run.
 *
 * @param image directory with the root of the image
 * @throws {Failure<"bad-extension">}
 */
export async function refuseUnfit(
  name: string,
  tree: string,
  image: string,
  { scripts }: { scripts: boolean },
): Promise<void> {
  const known = new Map((await walk(image)).map((entry) => [entry.path, entry]));
  const clashes = (await walk(tree)).filter((entry) => {
    const there = known.get(entry.path);
    return there !== undefined && !(there.type === "directory" && entry.type === "directory");
  });
  refuseAny(name, "the image has files that it would replace", pathsOf(clashes));
  // What its links lead to may be the image's.
  await copyInto(image, tree);
  const own = new Set((await walk(tree)).map(({ path }) => `/${path} `));
  const problems = (await unfitExecutables(image, { scripts })).filter((problem) =>
    own.has(`${problem.split(" ", 1)[0]} `),
  );
  refuseAny(name, "hosts would not run its programs", problems);
}

async function unpackDebs(tree: string, packages: readonly string[]): Promise<void> {
  if (packages.length === 0) return;
  const debs = packages.map((file) => ({ name: file, file }));
  await unpackAll(debs, tree, { label: "unpacking packages", exclude: unread });
  // The links of merged /usr are the image's.
  for (const { path, type } of await walk(tree))
    if (type === "symlink" && !path.includes("/")) await rm(join(tree, path));
  for (const { path, type } of (await walk(tree)).toReversed())
    if (type === "directory") await removeEmpty(join(tree, path));
}

async function copyInto(tree: string, directory: string): Promise<void> {
  await run(["cp", "--archive", "--no-preserve=ownership", `${directory}/.`, tree]);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new Failure("no-such-file", `cannot make an extension of ${path}: it does not exist`);
  }
}

async function removeEmpty(directory: string): Promise<void> {
  if ((await readdir(directory)).length === 0) await rm(directory, { recursive: true });
}

function outsideUsr(entries: readonly TreeEntry[]): string[] {
  return pathsOf(
    entries.filter(({ path, type }) => path !== "usr" && !path.startsWith("usr/") && type !== "directory"),
  );
}

function special(entries: readonly TreeEntry[]): string[] {
  return pathsOf(entries.filter(({ type }) => type === "other"));
}

const pathsOf = (entries: readonly TreeEntry[]): string[] => entries.map(({ path }) => `/${path}`);

function refuseAny(name: string, reason: string, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const more = problems.length > mostNamed ? ` and ${problems.length - mostNamed} more` : "";
  throw new Failure(
    "bad-extension",
    `cannot make the extension ${name}: ${reason}: ${problems.slice(0, mostNamed).join(", ")}${more}`,
  );
}
