/**
 * The images of host containers, from Debian packages: unpacked without maintainer scripts, as the root of a host is,
 * with the files of `content/` and our own programs on top.
 *
 * Two layers: the packages, which change with the lock, and our programs, which change with every commit.
 */
import { chmod, copyFile, mkdir, rm, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { defined } from "../../lib/defined.ts";
import { isPresent } from "../../lib/files/files.ts";
import type { Architecture } from "../../variants/variant.ts";
import { type InputFile, inputFile, inputTools, type KeyedDirectory } from "../inputs.ts";
import type { ContainerImage } from "../packages/base.ts";
import type { FetchOptions } from "../packages/fetch.ts";
import { epochSecondsOf, type Lock, type LockedPackage, packagesOf, readLock } from "../packages/lock.ts";
import { runTool } from "../packages/tools-root.ts";
import { unpackPackages } from "../packages/unpack-packages.ts";
import { unread } from "../packages/unread.ts";
import { type OsFile, osFiles, placeOsContent } from "../root/os-content.ts";
import { walk } from "../root/tree.ts";
import { makeTrustStore } from "../root/trust-store.ts";
import { step } from "../step.ts";
import type { TrustedSupply } from "../supplied/supplied.ts";
import { digestOf, makeLayer, makeLayout, packDirectory } from "./layout.ts";

export type ContainerOptions = {
  /** Of the OS it belongs to: "0.1.0". */
  version: string;
  commit: string;
  /** Our programs in it, compiled for the architecture (`programs/compile.ts`), and the names they are called by. */
  programs: { file: string; names: readonly string[] };
  /** The agent of SSM in the control container, which then starts it: its programs by their names (`supplied/`). */
  agent?: Readonly<Record<string, TrustedSupply>>;
  fetch?: FetchOptions;
};

/** What starts in each image. */
const entrypoints: Readonly<Record<ContainerImage, readonly string[]>> = {
  // `if` of execline: sshd takes its place when the block, which ends at the empty word, succeeded.
  admin: ["/usr/lib/execline/bin/if", " /usr/bin/admin-setup", "", "/usr/sbin/sshd", "-D", "-e"],
  // People and programs come in through exec; tini reaps what they leave behind and heeds SIGTERM.
  control: ["/usr/bin/tini", "--", "/usr/bin/sleep", "infinity"],
  fleet: ["/usr/bin/orlop-fleet"],
  "ecs-updater": ["/usr/bin/orlop-ecs-updater"],
};

/** The control container with an agent of SSM. A setup that fails ends it, and the reason is in its log. */
const agentEntrypoint = ["/usr/bin/tini", "--", "/usr/bin/sh", "-c", "control-setup && exec amazon-ssm-agent"];

/** Who the first program is, where that is not root: a number, so that Kubernetes can tell that it is not. */
const users: Readonly<Partial<Record<ContainerImage, string>>> = { fleet: "65532:65532", "ecs-updater": "65532:65532" };

/** Who may become root, in the one image in which somebody else comes in. */
const setUid: Readonly<Record<ContainerImage, readonly string[]>> = {
  admin: ["usr/bin/sudo"],
  control: [],
  fleet: [],
  "ecs-updater": [],
};

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

/** Images of containers that come with an image of a host, by name. */
export type Companions = {
  images: Readonly<Record<string, BuiltContainer>>;
  /** Beside the image, as hosts fetch them from the update repository; or also in it. */
  place: "beside" | "inside";
};

type ContainerPlan = {
  image: ContainerImage;
  architecture: Architecture;
  lock: Lock;
  epochSeconds: number;
  tools: KeyedDirectory;
};

export async function buildContainer(
  image: ContainerImage,
  architecture: Architecture,
  { version, commit, programs, agent = {}, fetch = {} }: ContainerOptions,
): Promise<BuiltContainer> {
  const lock = await readLock(architecture);
  const plan = { image, architecture, lock, epochSeconds: epochSecondsOf(lock), tools: await inputTools(fetch) };
  const base = await makeBase({ ...plan, busybox: await busyboxFor(packagesIn(plan), fetch) }, fetch);
  const own = { file: await inputFile(programs.file), names: programs.names };
  const whole = await makeContainer({ ...plan, base, programs: own, agent, version, commit }, fetch);
  const layout = join(whole.directory, "layout");
  return {
    name: `orlop-${image}-${architecture}-${version}-${commit}.oci.tar`,
    layout,
    archive: join(whole.directory, "image.tar"),
    digest: await digestOf(layout),
  };
}

function packagesIn({ lock, image }: Pick<ContainerPlan, "lock" | "image">): LockedPackage[] {
  return packagesOf(lock, [`container-${image}`]);
}

/** Busybox lists its applets when it runs: so the one of this machine is asked, of the same lock. */
async function busyboxFor(
  packages: readonly LockedPackage[],
  fetch: FetchOptions,
): Promise<KeyedDirectory | undefined> {
  if (!packages.some(({ name }) => name === "busybox-static")) return undefined;
  return await inputTools({ ...fetch, sets: ["busybox"] });
}

/** Makes `layer`: the packages, as a layer of an image, with links to the applets of busybox. */
const makeBase = step({
  name: ({ image, architecture }) => `container-packages-${image}-${architecture}`,
  label: ({ image, architecture }) => `packages of the ${image} container for ${architecture}`,
  module: import.meta.path,
  inputs: async (plan: ContainerPlan & { busybox: KeyedDirectory | undefined }) => ({
    image: plan.image,
    packages: packagesIn(plan),
    content: await contentOf(plan.image),
    tools: plan.tools,
    busybox: plan.busybox,
    epochSeconds: plan.epochSeconds,
  }),
  async make(directory, { image, packages, content, tools, busybox, epochSeconds }, fetch) {
    const root = join(directory, "tree");
    await mkdir(root);
    await unpackPackages(packages, root, { label: `unpacking the ${image} container`, exclude: excluded }, fetch);
    await makeTrustStore(root);
    await placeOsContent(root, content);
    await settleModes(root);
    const entries = await walk(root);
    await linkAlternatives(root, new Set(entries.map(({ path }) => path)));
    for (const { path, type, mode } of entries) {
      if (type === "file" && (mode & 0o6000) !== 0 && !setUid[image].includes(path)) {
        await chmod(join(root, path), mode & 0o777);
      }
    }
    if (busybox !== undefined) await linkApplets(join(root, "usr/lib/sheltie"), busybox);
    await makeLayer(tools, join(directory, "layer"), root, epochSeconds);
    await rm(root, { recursive: true });
  },
});

type OwnPrograms = { file: InputFile; names: readonly string[] };

/** Makes `layout`, and the same as one file, `image.tar`: the packages with a layer of our programs on top. */
const makeContainer = step({
  name: ({ image, architecture }) => `container-${image}-${architecture}`,
  label: ({ image, architecture }) => `${image} container for ${architecture}`,
  module: import.meta.path,
  inputs: ({
    lock,
    ...plan
  }: ContainerPlan & {
    base: KeyedDirectory;
    programs: OwnPrograms;
    agent: Readonly<Record<string, TrustedSupply>>;
    version: string;
    commit: string;
  }) => ({
    ...plan,
    date: lock.date,
  }),
  async make(directory, inputs) {
    const { image, architecture, date, tools, epochSeconds, base, programs, agent, version, commit } = inputs;
    const [tree, layer, layout] = [join(directory, "tree"), join(directory, "layer"), join(directory, "layout")];
    await placePrograms(tree, programs);
    for (const [name, supply] of Object.entries(agent)) await placeSupplied(tree, name, supply);
    await makeLayer(tools, layer, tree, epochSeconds);
    await makeLayout(layout, {
      layers: [
        { directory: join(base.directory, "layer"), description: `Debian packages of ${date}` },
        { directory: layer, description: `orlop ${version} ${commit}` },
      ],
      config: {
        architecture,
        entrypoint: Object.keys(agent).length > 0 ? agentEntrypoint : entrypoints[image],
        environment: { LANG: "C.UTF-8" },
        ...defined({ user: users[image] }),
        labels: {
          "org.opencontainers.image.title": `orlop-${image}`,
          "org.opencontainers.image.version": version,
          "org.opencontainers.image.revision": commit,
        },
      },
      epochSeconds,
    });
    await packDirectory(tools, layout, join(directory, "image.tar"), epochSeconds);
    await rm(tree, { recursive: true });
    await rm(layer, { recursive: true });
  },
});

async function contentOf(image: ContainerImage): Promise<OsFile[]> {
  const content = join(import.meta.dir, "content");
  return [...(await osFiles([], join(content, "common"))), ...(await osFiles([], join(content, image)))];
}

async function settleModes(root: string): Promise<void> {
  for (const [path, mode] of Object.entries(modes))
    if (await isPresent(join(root, path))) await chmod(join(root, path), mode);
  for (const [name, mode] of Object.entries(directories)) {
    await mkdir(join(root, name), { recursive: true });
    await chmod(join(root, name), mode);
  }
}

async function linkAlternatives(root: string, present: ReadonlySet<string>): Promise<void> {
  for (const [path, target] of Object.entries(alternatives)) {
    if (present.has(join(dirname(path), target)) && !present.has(path)) await symlink(target, join(root, path));
  }
}

async function linkApplets(directory: string, busybox: KeyedDirectory): Promise<void> {
  const { stdout } = await runTool(busybox, ["busybox", "--list"]);
  await mkdir(directory);
  for (const applet of stdout.trim().split("\n")) await symlink("../../bin/busybox", join(directory, applet));
}

async function placePrograms(root: string, { file: { path: file }, names }: OwnPrograms): Promise<void> {
  const directory = join(root, "usr/bin");
  await mkdir(directory, { recursive: true });
  const program = join(directory, basename(file));
  await copyFile(file, program);
  await chmod(program, 0o755);
  for (const name of names) await symlink(basename(file), join(directory, name));
}

async function placeSupplied(root: string, program: string, { name, file, license }: TrustedSupply): Promise<void> {
  const copies = {
    [`usr/bin/${program}`]: [file, 0o755],
    [`usr/share/doc/${name}/copyright`]: [license, 0o644],
  } as const;
  for (const [path, [{ path: from }, mode]] of Object.entries(copies)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(from, target);
    await chmod(target, mode);
  }
}
