/**
 * Every service of every variant, judged by the systemd that images hold: it is confined, or somebody says why not.
 *
 * What a root has follows from its packages, the content of `os/` and its list of executables, so no root is made for this.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fetchPackages } from "../image/packages/fetch.ts";
import { type LockedPackage, packagesOf, readLock } from "../image/packages/lock.ts";
import { openToolsRoot, runTool, type ToolsRoot } from "../image/packages/tools-root.ts";
import { makeMergedDirectories, unpack } from "../image/packages/unpack.ts";
import { osFiles, partsOf, placeOsContent } from "../image/root/os-content.ts";
import { walk } from "../image/root/tree.ts";
import { enableUnits, pruneUnits, unitNames } from "../image/root/units.ts";
import { readTextIfPresent } from "../lib/files/files.ts";
import { variants } from "../variants/all.ts";
import type { Variant } from "../variants/variant.ts";

const architecture = "x86_64";
const unitDirectory = "usr/lib/systemd/system";
/** From this on, systemd-analyze calls a service exposed. */
const mostExposure = 5;
/** In a unit or a drop-in of ours. */
const excuse = /^# Exposed: \S/m;

/** Units of packages that are as their authors wrote them, and why that is no risk. */
const asTheyCome: Readonly<Record<string, readonly string[]>> = {
  "nothing runs: PID 1 itself ends the boot": ["exit", "halt", "kexec", "poweroff", "reboot", "soft-reboot"].map(
    (verb) => `systemd-${verb}.service`,
  ),
  "runs for a moment, with no socket and no input but the image, the kernel's word and the machine's own disks": [
    "modprobe@.service",
    "systemd-fsck@.service",
    "systemd-fsck-root.service",
    "systemd-growfs@.service",
    "systemd-growfs-root.service",
    "systemd-journal-flush.service",
    "systemd-journald-sync@.service",
    "systemd-modules-load.service",
    "systemd-random-seed.service",
    "systemd-sysctl.service",
    "systemd-tmpfiles-clean.service",
    "systemd-tmpfiles-setup.service",
    "systemd-udev-settle.service",
    "systemd-udev-trigger.service",
  ],
  "runs only after an update that was asked for by a link in the root, which is read-only": [
    "system-update-cleanup.service",
  ],
  "asks networkd over its socket until there is a network, and ends": [
    "systemd-networkd-wait-online.service",
    "systemd-networkd-wait-online@.service",
  ],
};
const asItComes = new Set(Object.values(asTheyCome).flat());

/** Those that can be built. */
const built = [...variants.values()].filter(({ lacks }) => lacks === undefined);

let tools: ToolsRoot;
let packages: string;
let scratch: string;

beforeAll(async () => {
  tools = await openToolsRoot();
  scratch = await mkdtemp(join(tmpdir(), "orlop-exposure-"));
  packages = join(scratch, "packages");
  await mkdir(packages);
}, 600_000);
afterAll(async () => rm(scratch, { recursive: true, force: true }));

for (const variant of built) {
  test(`every service of ${variant.name} is confined, or has a reason`, async () => {
    const { root, exposures } = await judge(variant);
    expect(exposures.size).toBeGreaterThan(40);
    const exposed: string[] = [];
    for (const [name, exposure] of exposures) {
      if (exposure <= mostExposure || asItComes.has(name) || excuse.test(await textOf(root, name))) continue;
      if (await isStarted(root, name)) exposed.push(`${name} ${exposure}`);
    }
    expect(exposed).toEqual([]);
  }, 600_000);
}

test("a unit that is left as it comes is one of a variant, and exposed", async () => {
  const exposed = new Set<string>();
  for (const variant of built) {
    const { exposures } = await judge(variant);
    for (const [name, exposure] of exposures) if (exposure > mostExposure) exposed.add(name);
  }
  expect([...asItComes].filter((name) => !exposed.has(name))).toEqual([]);
}, 600_000);

type Judged = { root: string; exposures: ReadonlyMap<string, number> };
const judged = new Map<string, Judged>();

async function judge(variant: Variant): Promise<Judged> {
  const before = judged.get(variant.name);
  if (before !== undefined) return before;
  const root = join(scratch, variant.name);
  await makeUnits(root, variant);
  const made = { root, exposures: await exposuresOf(root) };
  judged.set(variant.name, made);
  return made;
}

/** A root with the units that the variant's has, where they have a program. */
async function makeUnits(root: string, variant: Variant): Promise<void> {
  const lock = await readLock(architecture);
  const own = variant.packages.length === 0 ? [] : [variant.name];
  await mkdir(root);
  await makeMergedDirectories(root);
  for (const directory of await unitsOf(packagesOf(lock, ["base", ...own]))) {
    await cp(directory, root, { recursive: true, verbatimSymlinks: true });
  }
  const golden = join(import.meta.dir, "../image/executables", `${variant.name}-${architecture}.golden`);
  for (const [, path = ""] of (await readFile(golden, "utf8")).matchAll(/^\/(\S+)/gm)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "", { mode: 0o755 });
  }
  await pruneUnits(root);
  const files = (await osFiles(partsOf(variant))).filter(({ path }) => path.startsWith("usr/lib/systemd/"));
  await placeOsContent(root, files);
  await enableUnits(tools, root, unitNames(files.map(({ path }) => path)));
}

/** What has neither units nor names of programs. */
const beside = [
  "bin",
  "boot",
  "etc",
  "lib64",
  "sbin",
  "usr/[!bls]*",
  "usr/share",
  "usr/src",
  "usr/lib[!/]*",
  "usr/lib/[!s]*",
  "usr/lib/systemd/[!s]*",
  "var",
];

/** What each package has of units, unpacked once for all variants. */
async function unitsOf(wanted: readonly LockedPackage[]): Promise<string[]> {
  const files = await fetchPackages(wanted, {});
  const directories: string[] = [];
  for (const { name, sha256 } of wanted) {
    const directory = join(packages, sha256);
    directories.push(directory);
    if ((await readTextIfPresent(join(packages, `${sha256}.name`))) !== undefined) continue;
    await mkdir(directory, { recursive: true });
    await unpack(files.get(sha256) ?? "", directory, { exclude: beside });
    // Of programs those count that the list of executables names, and further names of theirs.
    for (const { path, type } of await walk(directory)) {
      if (type === "file" && /^usr\/(?:s?bin|lib\/systemd)\/[^/]+$/.test(path)) await rm(join(directory, path));
    }
    await writeFile(join(packages, `${sha256}.name`), name);
  }
  return directories;
}

/** By the name of a service, from 0 to 10. A template is judged by one of its instances. */
async function exposuresOf(root: string): Promise<Map<string, number>> {
  const services = await servicesIn(root);
  const instances = services.map((name) => name.replace("@.", "@example."));
  const argv = ["systemd-analyze", "security", "--offline=yes", "--no-pager", `--root=${root}`, ...instances] as const;
  const { stdout } = await runTool(tools, argv, { binds: [root] });
  const exposures = new Map(
    [...stdout.matchAll(/Overall exposure level for (\S+): (\d+\.\d)/g)].map(([, name = "", exposure]) => [
      name.replace("@example.", "@."),
      Number(exposure),
    ]),
  );
  expect([...exposures.keys()].toSorted()).toEqual(services);
  return exposures;
}

/** Files, and no other names of them. */
async function servicesIn(root: string): Promise<string[]> {
  const services: string[] = [];
  for (const name of await readdir(join(root, unitDirectory))) {
    if (name.endsWith(".service") && (await lstat(join(root, unitDirectory, name))).isFile()) services.push(name);
  }
  return services.toSorted();
}

/** A unit with its drop-ins. */
async function textOf(root: string, name: string): Promise<string> {
  const unit = join(root, unitDirectory, name);
  let text = await readFile(unit, "utf8");
  const files = await readdir(join(root, unitDirectory), { recursive: true, withFileTypes: true });
  for (const file of files.filter(({ parentPath }) => basename(parentPath) === `${name}.d`)) {
    text += await readFile(join(file.parentPath, file.name), "utf8");
  }
  return text;
}

/** False for a unit that no other one of the root names, and for one that only an initrd starts: none of ours has systemd. */
async function isStarted(root: string, name: string): Promise<boolean> {
  if (/^(?:Assert|Condition)PathExists=\/etc\/initrd-release$/m.test(await textOf(root, name))) return false;
  const stem = name.replace(/@?\.service$/, "");
  const starting = [name, ...["path", "socket", "timer"].map((kind) => `${stem}.${kind}`)];
  for (const entry of await readdir(join(root, unitDirectory), { recursive: true, withFileTypes: true })) {
    const wanting = /^(.*)\.(?:wants|requires)$/.exec(basename(entry.parentPath))?.[1];
    if (wanting !== undefined) {
      const linked = starting.some((each) => entry.name === each || entry.name.startsWith(`${stem}@`));
      if (linked && (await readTextIfPresent(join(root, unitDirectory, wanting))) !== undefined) return true;
    } else if (entry.isFile() && entry.name !== name && !entry.name.startsWith(`${stem}.`)) {
      const text = await readFile(join(entry.parentPath, entry.name), "utf8");
      const lines = text.match(/^(?:Wants|Requires|BindsTo|Upholds|Unit|Sockets|OnFailure|OnSuccess)=.*$/gm) ?? [];
      if (lines.some((line) => starting.some((each) => line.split(/[=\s]/).includes(each)))) return true;
    }
  }
  return false;
}
