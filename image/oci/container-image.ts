/**
 * The images of host containers, from Debian packages: unpacked without maintainer scripts, as the root of a host is,
 * with the files of `content/` and our own programs on top.
 *
 * Two layers: the packages, which change with the lock, and our programs, which change with every commit.
 */
import { chmod, copyFile, mkdir, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isPresent } from "../../lib/files/files.ts";
import type { Architecture } from "../../variants/variant.ts";
import type { ContainerImage } from "../packages/base.ts";
import { cacheDirectory, sha256OfFile } from "../packages/cache.ts";
import { type FetchOptions, fetchPackages } from "../packages/fetch.ts";
import { epochSecondsOf, type LockedPackage, packagesOf, readLock } from "../packages/lock.ts";
import { machineArchitecture, openToolsRoot, runTool } from "../packages/tools-root.ts";
import { unpackAll } from "../packages/unpack.ts";
import { unread } from "../packages/unread.ts";
import { osContentHash, type OsFile, osFiles, placeOsContent } from "../root/os-content.ts";
import { walk } from "../root/tree.ts";
import { makeTrustStore } from "../root/trust-store.ts";
import { runStep } from "../step.ts";
import { digestOf, makeLayer, makeLayout, packDirectory } from "./layout.ts";

export type ContainerOptions = FetchOptions & {
  /** Of the OS it belongs to: "0.1.0". */
  version: string;
  commit: string;
  /** Our programs in it, compiled for the architecture (`programs/compile.ts`), and the names they are called by. */
  programs: { file: string; names: readonly string[] };
};

/** What starts in each image. */
const entrypoints: Readonly<Record<ContainerImage, readonly string[]>> = {
  // `if` of execline: sshd takes its place when the block, which ends at the empty word, succeeded.
  admin: ["/usr/lib/execline/bin/if", " /usr/bin/admin-setup", "", "/usr/sbin/sshd", "-D", "-e"],
  // People and programs come in through exec; tini reaps what they leave behind and heeds SIGTERM.
  control: ["/usr/bin/tini", "--", "/usr/bin/sleep", "infinity"],
};

/** Who may become root, in the one image in which somebody else comes in. */
const setUid: Readonly<Record<ContainerImage, readonly string[]>> = { admin: ["usr/bin/sudo"], control: [] };

/** Never unpacked: for people at a desk, package tools, init systems. */
const excluded: readonly string[] = [
  ...unread,
  "etc/skel",
  "etc/sv",
  "etc/ufw",
  "usr/lib/systemd",
  "usr/lib/sysusers.d",
  "usr/lib/tmpfiles.d",
  "usr/share/runit",
];

/** Where the mode in a package, or in our repository, is not the one that programs expect. */
const modes: Readonly<Record<string, number>> = { "etc/shadow": 0o600, "etc/sudoers": 0o440 };

/** What update-alternatives would have linked, where the program is there. */
const alternatives: Readonly<Record<string, string>> = {
  "usr/bin/awk": "gawk",
  "usr/bin/pager": "less",
  "usr/bin/sh": "bash",
  "usr/bin/vi": "vim.tiny",
  "usr/sbin/ip6tables": "ip6tables-nft",
  "usr/sbin/ip6tables-save": "ip6tables-nft-save",
  "usr/sbin/iptables": "iptables-nft",
  "usr/sbin/iptables-save": "iptables-nft-save",
};

const directories: Readonly<Record<string, number>> = {
  dev: 0o755,
  home: 0o755,
  proc: 0o555,
  root: 0o700,
  run: 0o755,
  sys: 0o555,
  tmp: 0o1777,
  "var/tmp": 0o1777,
};

export type BuiltContainer = {
  /** "orlop-admin-x86_64-0.1.0-dafe3b16.oci.tar" */
  name: string;
  /** The OCI layout, among the kept steps of builds: only to read. */
  layout: string;
  /** The same as one file. */
  archive: string;
  /** Of the image: "sha256:…" */
  digest: string;
};

export async function buildContainer(
  image: ContainerImage,
  architecture: Architecture,
  { version, commit, programs, ...fetching }: ContainerOptions,
): Promise<BuiltContainer> {
  // Modes of what is made here go into the image.
  process.umask(0o022);
  const cache = fetching.cache ?? cacheDirectory();
  const lock = await readLock(architecture);
  const tools = await openToolsRoot(fetching);
  const packages = packagesOf(lock, [`container-${image}`]);
  const content = await contentOf(image);
  const epochSeconds = epochSecondsOf(lock);
  const module = join(import.meta.dir, "container-image.ts");

  const base = await runStep(cache, {
    name: `container-packages-${image}-${architecture}`,
    says: `packages of the ${image} container for ${architecture}`,
    module,
    inputs: {
      packages: packages.map(({ name, sha256 }) => `${name} ${sha256}`),
      content: await osContentHash(content),
      epochSeconds,
    },
    async make(made) {
      const tree = join(made, "tree");
      await makeBase(tree, image, packages, content, fetching);
      await makeLayer(tools, join(made, "layer"), tree, epochSeconds);
      await rm(tree, { recursive: true });
    },
  });
  const whole = await runStep(cache, {
    name: `container-${image}-${architecture}`,
    says: `${image} container for ${architecture}`,
    module,
    inputs: {
      base: base.key,
      programs: await sha256OfFile(programs.file),
      names: programs.names,
      version,
      commit,
      epochSeconds,
    },
    async make(made) {
      const [tree, layer, layout] = [join(made, "tree"), join(made, "layer"), join(made, "layout")];
      await placePrograms(tree, programs);
      await makeLayer(tools, layer, tree, epochSeconds);
      await makeLayout(layout, {
        layers: [
          { directory: join(base.directory, "layer"), says: `Debian packages of ${lock.date}` },
          { directory: layer, says: `orlop ${version} ${commit}` },
        ],
        config: {
          architecture,
          entrypoint: entrypoints[image],
          environment: { LANG: "C.UTF-8" },
          labels: {
            "org.opencontainers.image.title": `orlop-${image}`,
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.revision": commit,
          },
        },
        epochSeconds,
      });
      await packDirectory(tools, layout, join(made, "image.tar"), epochSeconds);
      await rm(tree, { recursive: true });
      await rm(layer, { recursive: true });
    },
  });
  const layout = join(whole.directory, "layout");
  return {
    name: `orlop-${image}-${architecture}-${version}-${commit}.oci.tar`,
    layout,
    archive: join(whole.directory, "image.tar"),
    digest: await digestOf(layout),
  };
}

async function contentOf(image: ContainerImage): Promise<OsFile[]> {
  const content = join(import.meta.dir, "content");
  return [...(await osFiles([], join(content, "common"))), ...(await osFiles([], join(content, image)))];
}

async function makeBase(
  root: string,
  image: ContainerImage,
  packages: readonly LockedPackage[],
  content: readonly OsFile[],
  fetching: FetchOptions,
): Promise<void> {
  const files = await fetchPackages(packages, fetching);
  const debs = packages.map(({ name, sha256 }) => ({ name, file: files.get(sha256) ?? "" }));
  await mkdir(root);
  const { signal } = fetching;
  const options = { exclude: excluded, ...(signal === undefined ? {} : { signal }) };
  const brought = await unpackAll(debs, root, { says: `unpacking the ${image} container`, ...options });
  await makeTrustStore(root);
  await placeOsContent(root, content);
  for (const [path, mode] of Object.entries(modes))
    if (await isPresent(join(root, path))) await chmod(join(root, path), mode);
  for (const [name, mode] of Object.entries(directories)) {
    await mkdir(join(root, name), { recursive: true });
    await chmod(join(root, name), mode);
  }
  const entries = await walk(root);
  const present = new Set(entries.map(({ path }) => path));
  for (const [path, target] of Object.entries(alternatives)) {
    if (present.has(join(dirname(path), target)) && !present.has(path)) await symlink(target, join(root, path));
  }
  for (const { path, type, mode } of entries) {
    if (type === "file" && (mode & 0o6000) !== 0 && !setUid[image].includes(path)) {
      await chmod(join(root, path), mode & 0o777);
    }
  }
  if (brought.has("busybox-static")) await linkApplets(join(root, "usr/lib/sheltie"), fetching);
}

/** busybox says what it can do, when it runs: so the one of this machine is asked, of the same lock. */
async function linkApplets(directory: string, fetching: FetchOptions): Promise<void> {
  const own = await openToolsRoot({ ...fetching, lock: await readLock(machineArchitecture()), sets: ["busybox"] });
  const { stdout } = await runTool(own, ["busybox", "--list"]);
  await mkdir(directory);
  for (const applet of stdout.trim().split("\n")) await symlink("../../bin/busybox", join(directory, applet));
}

async function placePrograms(root: string, { file, names }: ContainerOptions["programs"]): Promise<void> {
  const directory = join(root, "usr/bin");
  await mkdir(directory, { recursive: true });
  const program = join(directory, basename(file));
  await copyFile(file, program);
  await chmod(program, 0o755);
  for (const name of names) await symlink(basename(file), join(directory, name));
}
