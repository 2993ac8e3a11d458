/**
 * The executables of a root: choosing them, removing all others, and comparing what is there with the golden list
 * that is committed for each variant (`image/executables/`).
 */
import { open, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { ExecutableGroup } from "./executable-groups.ts";
import { resolveInRoot, type TreeEntry, walk } from "./tree.ts";

/** Links in these count as programs, for they are what people and units call. */
const programDirectories = /^usr\/(?:local\/)?s?bin\/[^/]+$/;

/** Never programs, whatever their mode says. */
const notPrograms = [/^usr\/lib\/modules\//, /\.so(?:\.[0-9.]+)?$/, /^usr\/lib\/[^/]+\/.*\.so[^/]*$/];

/** Every executable file, and every link in a directory of programs, by path. */
export function executablesIn(entries: readonly TreeEntry[]): string[] {
  return entries
    .filter(({ path, type, mode }) => {
      if (notPrograms.some((pattern) => pattern.test(path))) return false;
      return type === "file" ? (mode & 0o111) !== 0 : type === "symlink" && programDirectories.test(path);
    })
    .map(({ path }) => path)
    .toSorted();
}

/**
 * Removes every executable of `root` that no group names.
 *
 * @throws {Failure<"no-such-executable">} when a group names a program that no package brought
 */
export async function keepOnly(root: string, groups: readonly ExecutableGroup[]): Promise<void> {
  const present = new Set(executablesIn(await walk(root)));
  const wanted = new Set(groups.flatMap(({ paths }) => paths));
  for (const { reason, paths } of groups) {
    const missing = paths.filter((path) => !present.has(path));
    if (missing.length > 0) {
      throw new Failure("no-such-executable", `cannot find /${missing.join(", /")} in the packages (for: ${reason})`, {
        hint: "correct image/root/executable-groups.ts, or the packages of the variant",
      });
    }
  }
  for (const path of present) if (!wanted.has(path)) await rm(join(root, path));
}

/**
 * What makes a root unfit for a host: set-uid and set-gid files, and on hosts that nobody looks into, scripts.
 *
 * @returns sentences, one for each file
 */
export async function unfitExecutables(root: string, { scripts }: { scripts: boolean }): Promise<string[]> {
  const problems: string[] = [];
  const entries = await walk(root);
  for (const { path, type, mode } of entries) {
    if (type === "file" && (mode & 0o6000) !== 0) problems.push(`/${path} is set-uid or set-gid`);
  }
  for (const path of executablesIn(entries)) {
    const file = await resolveInRoot(root, path);
    if (file === undefined) problems.push(`/${path} leads nowhere`);
    else if (!scripts && (await firstBytes(join(root, file), 2)) === "#!") problems.push(`/${path} is a script`);
  }
  return problems;
}

async function firstBytes(path: string, count: number): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
  return buffer.toString("latin1", 0, bytesRead);
}

/** The golden list: every executable under the reason it is there for. */
export function formatGolden(executables: readonly string[], groups: readonly ExecutableGroup[]): string {
  const present = new Set(executables);
  const sections: string[] = [];
  for (const { reason, paths } of groups) {
    const lines = paths.filter((path) => present.delete(path)).toSorted();
    if (lines.length > 0) sections.push([`# ${reason}`, ...lines.map((path) => `/${path}`), ""].join("\n"));
  }
  if (present.size > 0) throw new Error(`bug: no reason for ${[...present].map((path) => basename(path)).join(", ")}`);
  return sections.join("\n");
}

/** What differs between two golden lists, as lines that begin with + or -; empty when they name the same files. */
export function goldenDifference(golden: string, built: string): string[] {
  const programs = (text: string): Set<string> => new Set(text.split("\n").filter((line) => line.startsWith("/")));
  const [expected, actual] = [programs(golden), programs(built)];
  return [
    ...[...actual].filter((path) => !expected.has(path)).map((path) => `+${path}`),
    ...[...expected].filter((path) => !actual.has(path)).map((path) => `-${path}`),
  ].toSorted((a, b) => (a.slice(1) < b.slice(1) ? -1 : 1));
}
