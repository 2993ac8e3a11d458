/**
 * The builder's own tools: a root of Debian packages in the cache, from which single programs are run.
 *
 * Images come out the same wherever they are built because mkfs, veritysetup, ukify and the rest come from the lock
 * and not from the machine. A tools root is made once per lock content, in a work directory that is renamed when it
 * is whole, and only ever read afterwards; `bwrap` shows it to the program as its `/`.
 */
import { createHash } from "node:crypto";
import { readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { defined } from "../../lib/defined.ts";
import { Failure } from "../../lib/failure.ts";
import { isPresent } from "../../lib/files/files.ts";
import { ask, type Output, run, type RunOptions, succeeded } from "../../lib/program/process.ts";
import type { Architecture } from "../../variants/variant.ts";
import { cacheDirectory, markUsed, moveInto, pruneCache, workInCache } from "./cache.ts";
import { fetchPackages, type FetchOptions } from "./fetch.ts";
import { type Lock, type LockedPackage, packagesOf, readLock } from "./lock.ts";
import { unpackAll } from "./unpack.ts";

export type ToolsRoot = { directory: string };

export type ToolOptions = {
  /** Directories and files of this machine that the program may read and write, at the same path. */
  binds?: readonly string[];
  /** The same, for reading only. */
  readOnlyBinds?: readonly string[];
  /** The same, by another path: { "/libraries": "/root/.cache/…" }. */
  readOnlyAt?: Readonly<Record<string, string>>;
  /** Where the program starts; it must lie within a bind. "/" when absent. */
  cwd?: string;
  /** Added to the small fixed environment. */
  env?: Readonly<Record<string, string>>;
  /** Of those that we have ourselves; none unless given. "CAP_CHOWN" */
  capabilities?: readonly string[];
  /** The program has no network, not even a loopback that leads anywhere. */
  offline?: boolean;
  /** The program goes on when we end. Otherwise it dies with us. */
  outlivesUs?: boolean;
};

/**
 * What a program may do beside its binds: nothing that takes a capability, also where the builder is root. Of the machine it
 * sees no device but /dev/kvm, and none of its processes where it runs to completion.
 */
const confined = ["--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--cap-drop", "ALL"];

/** Raised when what is done to a tools root after unpacking changes. */
const revision = 2;

/** What programs in the tools root see, and nothing else, so that a locale or a proxy does not change an image. */
const environment = {
  PATH: "/usr/sbin:/usr/bin",
  HOME: "/tmp",
  LC_ALL: "C.UTF-8",
  TZ: "UTC",
};

const docs = ["usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian"];

/** The architecture of the machine that builds. */
export function machineArchitecture(): Architecture {
  switch (process.arch) {
    case "x64":
      return "x86_64";
    case "arm64":
      return "aarch64";
    default:
      throw new Failure("no-tools", `cannot make a tools root: there is no lock for ${process.arch} machines`);
  }
}

/**
 * The tools root of this machine's lock, made when it is not there yet.
 *
 * @param options.sets what to put into it: "tools" when absent
 */
export async function openToolsRoot(
  options: FetchOptions & { lock?: Lock; sets?: readonly string[] } = {},
): Promise<ToolsRoot> {
  const lock = options.lock ?? (await readLock(machineArchitecture()));
  const packages = packagesOf(lock, options.sets ?? ["tools"]);
  const cache = options.cache ?? cacheDirectory();
  const directory = join(cache, "tools", keyOf(packages));
  if (await isPresent(directory)) {
    await markUsed(directory);
    return { directory };
  }

  const files = await fetchPackages(packages, options);
  {
    await using work = await workInCache(cache);
    const debs = packages.map(({ name, sha256 }) => ({ name, file: files.get(sha256) ?? "" }));
    const { signal } = options;
    await unpackAll(debs, work.path, {
      label: "unpacking the tools",
      exclude: docs,
      ...defined({ signal }),
    });
    await settle({ directory: work.path });
    await moveInto(directory, work);
    await markUsed(directory); // its time is that of the package that brought "/"
  }
  // A new root means that the lock moved, and with it what the cache is for.
  await pruneCache(cache, new Date());
  return { directory };
}

function keyOf(packages: readonly LockedPackage[]): string {
  const hash = createHash("sha256").update(`tools root, recipe ${revision}\n`);
  for (const { name, sha256 } of packages) hash.update(`${name} ${sha256}\n`);
  return hash.digest("hex").slice(0, 20);
}

/** What maintainer scripts would have done, as far as our programs need it. */
async function settle(tools: ToolsRoot): Promise<void> {
  const { directory } = tools;
  for (const [path, text] of [
    // The C library looks users up; root is all that our programs ask for.
    ["etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\n"],
    ["etc/group", "root:x:0:\n"],
    ["etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"],
    // Places for bwrap to put the machine's own.
    ["etc/resolv.conf", ""],
    ["etc/hosts", "127.0.0.1 localhost\n"],
  ] as const) {
    await writeFile(join(directory, path), text);
  }
  const kernelFiles = ["--dev", "/dev", "--proc", "/proc"];
  const inside = [
    "bwrap",
    "--unshare-all",
    "--cap-drop",
    "ALL",
    "--bind",
    directory,
    "/",
    ...kernelFiles,
    "--",
  ] as const;
  await run([...inside, "/usr/sbin/ldconfig"]);
  // Nothing can be written to the root later, and ukify takes three times as long when Python compiles its modules.
  const python = (await readdir(join(directory, "usr/lib"))).filter((name) => /^python3(\.\d+)?$/.test(name));
  if (python.length > 0) {
    const modules = python.map((name) => `/usr/lib/${name}`);
    await run([...inside, "/usr/bin/python3", "-m", "compileall", "-q", ...modules]);
  }
}

/**
 * Runs a program of the tools root to completion.
 *
 * @throws {Failure<"exit-status">} unless it exits 0; the message has its last lines of output
 */
export async function runTool(
  tools: ToolsRoot,
  argv: readonly [string, ...string[]],
  options: ToolOptions & Pick<RunOptions, "stdin" | "signal"> = {},
): Promise<Output> {
  const { stdin, signal } = options;
  const [bwrap, ...rest] = toolCommand(tools, argv, options);
  return succeeded(argv, await ask([bwrap, "--unshare-pid", ...rest], { stdin, signal }));
}

/**
 * The command that runs a program of the tools root, for who spawns it.
 *
 * The program shares the machine's network (unless `offline`) and process numbers, and has no capability but those given. `/tmp` is its own
 * and empty, unless bound.
 */
export function toolCommand(
  { directory }: ToolsRoot,
  argv: readonly [string, ...string[]],
  options: ToolOptions = {},
): [string, ...string[]] {
  const { binds = [], readOnlyBinds = [], readOnlyAt = {}, cwd, env = {}, offline = false } = options;
  const { outlivesUs = false, capabilities = [] } = options;
  const ends = [...(outlivesUs ? [] : ["--die-with-parent"]), ...(offline ? ["--unshare-net"] : [])];
  // The new root is a tmpfs that bwrap makes, so a bind may have any path, and the tools cannot be written to.
  const root = ["usr", "etc", "var"].flatMap((name) => ["--ro-bind", join(directory, name), `/${name}`]);
  const links = ["bin", "lib", "lib64", "sbin"].flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]);
  const devices = ["--dev", "/dev", "--dev-bind-try", "/dev/kvm", "/dev/kvm"];
  const kernelFiles = [...devices, "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/run"];
  const machineFiles = ["--ro-bind-try", "/sys", "/sys", "--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf"];
  return [
    "bwrap",
    ...ends,
    ...confined,
    ...capabilities.flatMap((name) => ["--cap-add", name]),
    ...root,
    ...links,
    ...kernelFiles,
    ...machineFiles,
    ...readOnlyBinds.flatMap((path) => ["--ro-bind", resolve(path), resolve(path)]),
    ...Object.entries(readOnlyAt).flatMap(([place, path]) => ["--ro-bind", resolve(path), place]),
    ...binds.flatMap((path) => ["--bind", resolve(path), resolve(path)]),
    "--clearenv",
    ...Object.entries({ ...environment, ...env }).flatMap(([name, value]) => ["--setenv", name, value]),
    "--chdir",
    cwd === undefined ? "/" : resolve(cwd),
    "--",
    ...argv,
  ];
}
