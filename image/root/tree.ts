/** Walking and reading a directory tree that stands for a root, without ever following its links out of it. */
import { chmod, link, lstat, lutimes, mkdir, readdir, readlink, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { isNotFound } from "../../lib/failure.ts";

export type TreeEntry = {
  /** Below the root, without a slash at either end: "usr/bin/ls". */
  path: string;
  type: "file" | "directory" | "symlink" | "other";
  mode: number;
  bytes: number;
  /** Of symlinks: where they lead, as written. */
  target?: string;
};

/** Everything below `root`, sorted by path; a directory comes before what it holds. */
export async function walk(root: string, below = ""): Promise<TreeEntry[]> {
  const entries: TreeEntry[] = [];
  const names = (await readdir(join(root, below))).toSorted();
  for (const name of names) {
    const path = below === "" ? name : `${below}/${name}`;
    const status = await lstat(join(root, path));
    const common = { path, mode: status.mode & 0o7777, bytes: status.size };
    if (status.isDirectory()) {
      entries.push({ ...common, type: "directory" }, ...(await walk(root, path)));
    } else if (status.isSymbolicLink()) {
      entries.push({ ...common, type: "symlink", target: await readlink(join(root, path)) });
    } else {
      entries.push({ ...common, type: status.isFile() ? "file" : "other" });
    }
  }
  return entries;
}

/**
 * The path below `root` that a path leads to, all links followed as the running system would follow them.
 *
 * @returns undefined when nothing is there, or when links go round in circles
 */
export async function resolveInRoot(root: string, path: string): Promise<string | undefined> {
  const todo = path.split("/").filter((part) => part !== "");
  const done: string[] = [];
  for (let hops = 0; hops < 40; hops++) {
    const part = todo.shift();
    if (part === undefined) return done.join("/");
    if (part === ".") continue;
    if (part === "..") {
      done.pop();
      continue;
    }
    const here = [...done, part].join("/");
    let target;
    try {
      target = (await lstat(join(root, here))).isSymbolicLink() ? await readlink(join(root, here)) : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
    if (target === undefined) {
      done.push(part);
      continue;
    }
    if (target.startsWith("/")) done.length = 0;
    todo.unshift(...target.split("/").filter((step) => step !== ""));
  }
  return undefined;
}

/** Makes a second tree of the same files, by hard links: for adding files and replacing whole ones, not for editing. */
export async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const { path, type, mode, target } of await walk(from)) {
    if (type === "directory") {
      await mkdir(join(to, path));
      await chmod(join(to, path), mode); // mkdir applies the umask
    } else if (type === "symlink") {
      await symlink(target ?? "", join(to, path));
    } else {
      await link(join(from, path), join(to, path));
    }
  }
}

/** Gives everything below `root` one time. */
export async function setTimes(root: string, epochSeconds: number): Promise<void> {
  for (const { path, type } of await walk(root)) {
    await (type === "symlink" ? lutimes : utimes)(join(root, path), epochSeconds, epochSeconds);
  }
}
