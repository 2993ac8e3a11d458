/**
 * Unpacks Debian packages into a directory, without running their maintainer scripts.
 *
 * `dpkg-deb` reads the archive and `tar` writes the files; every Debian machine has both. Modes, links and, for root,
 * owners are as in the package. Two packages that bring the same file are refused, for the winner would be chance.
 */
import { chmod, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { Failure, systemErrorCode } from "../../lib/failure.ts";
import { ask } from "../../lib/program/process.ts";
import { start } from "../../lib/program/program.ts";
import { progress } from "../../lib/progress.ts";
import { type TarEntry, listingOptions, parseListing } from "./debian/tar-listing.ts";

export type Deb = { name: string; file: string };

export type UnpackOptions = {
  /** What is going on, for the progress bar. */
  label: string;
  /** Paths to leave out, with all below them; `*` stands for anything: "usr/share/doc", "usr/share/locale/*". */
  exclude?: readonly string[];
  signal?: AbortSignal;
  parallel?: number;
};

/** Debian keeps everything under /usr; these names lead there (usr-merge). */
const mergedDirectories = ["bin", "lib", "lib64", "sbin"];

/**
 * Unpacks packages side by side into `directory`; what each one brought comes back by its name.
 *
 * @throws {Failure<"file-conflict">} when two packages bring the same file
 * @throws {Failure<"bad-package">} for a file that is no Debian package, or a broken one
 */
export async function unpackAll(
  debs: readonly Deb[],
  directory: string,
  options: UnpackOptions,
): Promise<Map<string, TarEntry[]>> {
  await makeMergedDirectories(directory);
  const unpacked = new Map<string, TarEntry[]>();
  using bar = progress(options.label, debs.length, "things");
  // base-files brings the usr-merge links; while tar replaces them, another package must not walk through them.
  const queue = debs.filter(({ name }) => name !== "base-files");
  for (const deb of debs.filter(({ name }) => name === "base-files")) await unpackInto(deb);
  const failed: Deb[] = [];
  const worker = async (): Promise<void> => {
    for (let deb = queue.shift(); deb !== undefined && failed.length === 0; deb = queue.shift()) {
      options.signal?.throwIfAborted();
      await unpackInto(deb).catch(() => failed.push(deb));
    }
  };
  await Promise.all(Array.from({ length: options.parallel ?? 4 }, worker));
  // Two packages that bring the same file disturb each other; alone, a package fails only by a fault of its own.
  for (const deb of failed) await unpackInto(deb);
  const inOrder = new Map(debs.map(({ name }) => [name, unpacked.get(name) ?? []]));
  refuseConflicts(inOrder);
  return inOrder;

  async function unpackInto(deb: Deb): Promise<void> {
    unpacked.set(deb.name, await unpack(deb.file, directory, options));
    bar.advance(1);
    bar.detail(deb.name);
  }
}

/** Unpacks one package into a directory that exists. */
export async function unpack(
  file: string,
  directory: string,
  { exclude = [], signal }: Pick<UnpackOptions, "exclude" | "signal"> = {},
): Promise<TarEntry[]> {
  await using reader = start(["dpkg-deb", "--fsys-tarfile", file], { stdout: "pipe", stderr: "pipe", signal });
  const readerPrints = reader.stderr.text();
  const writer = await ask(
    [
      "tar",
      "--extract",
      `--directory=${directory}`,
      "--preserve-permissions",
      process.getuid?.() === 0 ? "--same-owner" : "--no-same-owner",
      "--numeric-owner",
      "--keep-directory-symlink",
      "--warning=no-timestamp",
      "--anchored",
      "--wildcards",
      ...exclude.map((pattern) => `--exclude=./${pattern}`),
      ...listingOptions,
    ],
    { stdin: reader.stdout, env: { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" }, signal },
  );
  const readerExit = await reader.exited;
  // When tar fails first, dpkg-deb complains about its pipe; when dpkg-deb fails, tar sees no archive.
  if (writer.exitCode !== 0 && readerExit === 0) throw broken(file, directory, writer.stderr);
  if (readerExit !== 0) {
    throw broken(file, directory, `${await readerPrints}${writer.exitCode === 0 ? "" : writer.stderr}`);
  }
  return parseListing(writer.stdout);
}

/**
 * A file of a package's control data ("conffiles", "control", "shlibs", …).
 *
 * @returns undefined when the package has no such file
 */
export async function controlFile(file: string, name: string): Promise<string | undefined> {
  const { stdout, stderr, exitCode } = await ask(["dpkg-deb", "--info", file, name]);
  if (exitCode === 0) return stdout;
  // A package that cannot be read at all fails here too, unlike one that lacks the file.
  const { exitCode: readable } = await ask(["dpkg-deb", "--field", file, "Package"]);
  if (readable === 0) return undefined;
  throw broken(file, undefined, stderr);
}

/** Makes the links of usr-merge, where they are not there yet. */
export async function makeMergedDirectories(root: string): Promise<void> {
  for (const name of mergedDirectories) {
    await mkdir(join(root, "usr", name), { recursive: true });
    await chmod(join(root, "usr", name), 0o755); // mkdir applies the umask
    try {
      await symlink(`usr/${name}`, join(root, name));
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw error;
    }
  }
}

function broken(file: string, directory: string | undefined, output: string): Failure {
  const into = directory === undefined ? "" : ` into ${directory}`;
  return new Failure("bad-package", `cannot unpack ${file}${into}: ${output.trim().split("\n").slice(-3).join("; ")}`);
}

/** Directories are shared; they must agree on mode and owner, and everything else has one owner. */
function refuseConflicts(unpacked: ReadonlyMap<string, readonly TarEntry[]>): void {
  const seen = new Map<string, { name: string; entry: TarEntry }>();
  for (const [name, entries] of unpacked) {
    for (const entry of entries) {
      const path = canonical(entry.path);
      const first = seen.get(path);
      if (first === undefined) {
        seen.set(path, { name, entry });
        continue;
      }
      if (first.name === name) continue;
      const agree =
        entry.type === "directory" &&
        first.entry.type === "directory" &&
        entry.permissions === first.entry.permissions &&
        entry.owner === first.entry.owner;
      if (agree) continue;
      throw new Failure(
        "file-conflict",
        `cannot unpack ${first.name} and ${name} into one root: ` +
          `both have /${path} (${describe(first.entry)} and ${describe(entry)})`,
      );
    }
  }
}

/** "/lib/x" and "/usr/lib/x" are one file. */
function canonical(path: string): string {
  const first = path.split("/", 1)[0] ?? "";
  return mergedDirectories.includes(first) && path !== first ? `usr/${path}` : path;
}

function describe({ type, permissions, owner }: TarEntry): string {
  return `${type} ${permissions} ${owner}`;
}
