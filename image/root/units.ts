/**
 * The systemd units of a root: those without their program go, those that are enabled are linked in place.
 *
 * `/etc` is empty at boot, so what `systemctl preset-all` links there is moved beside the units themselves.
 */
import { lstat, mkdir, readdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { resolveInRoot, walk } from "./tree.ts";

const unitDirectory = "usr/lib/systemd/system";

/** Units that have all they need and still have no place on a host. */
const unwantedUnits: readonly string[] = [
  // Rendered anew at each boot, so there is no first boot, no update of /etc, nothing to rebuild.
  "systemd-journal-catalog-update.service",
  // Nobody logs in.
  "getty.target",
  "remote-cryptsetup.target",
  "systemd-ask-password-console.path",
  "systemd-ask-password-wall.path",
  // File systems that nothing here reads. Each mount is a process at boot.
  "dev-hugepages.mount",
  "dev-mqueue.mount",
  "proc-sys-fs-binfmt_misc.automount",
  "proc-sys-fs-binfmt_misc.mount",
  "run-lock.mount",
  "sys-fs-fuse-connections.mount",
  "sys-kernel-config.mount",
  "sys-kernel-debug.mount",
  "sys-kernel-tracing.mount",
  // Static nodes are made by static-nodes.service, beside the daemon and not before udev.
  "kmod-static-nodes.service",
  "systemd-tmpfiles-setup-dev-early.service",
  "systemd-tmpfiles-setup-dev.service",
  // Nobody passes rules by credential.
  "systemd-udev-load-credentials.service",
  // The data partition is made by make-data-*.service, which know which disk it goes to.
  "systemd-repart.service",
  // Ephemeral disks are joined without redundancy: there is nothing to watch.
  "mdadm-grow-continue@.service",
  "mdadm-last-resort@.service",
  "mdadm-last-resort@.timer",
  "mdcheck_continue.timer",
  "mdcheck_start.timer",
  "mdmon@.service",
  "mdmonitor-oneshot.service",
  "mdmonitor-oneshot.timer",
  "mdmonitor.service",
  "system-xfs_scrub.slice",
  "xfs_scrub_all.timer",
  // For DHCP servers, which hosts are not.
  "systemd-networkd-persistent-storage.service",
  // Hosts do not sleep.
  "hibernate.target",
  "hybrid-sleep.target",
  "sleep.target",
  "suspend.target",
  "suspend-then-hibernate.target",
];

/** Generators read configuration that a host does not have; each is a process at boot and at every reload. */
const generatorDirectories = [
  "usr/lib/systemd/system-generators",
  "usr/lib/systemd/user-generators",
  "usr/lib/systemd/user-environment-generators",
];

/** The user manager's units and all that goes with logins. */
const unwantedDirectories = ["usr/lib/systemd/user", "usr/lib/systemd/user-preset", "usr/lib/systemd/ntp-units.d"];

/** Removes units that cannot or must not run here, and all links to them. */
export async function pruneUnits(root: string): Promise<void> {
  for (const directory of [...generatorDirectories, ...unwantedDirectories]) {
    await rm(join(root, directory), { recursive: true, force: true });
  }
  for (const name of unwantedUnits) await rm(join(root, unitDirectory, name), { force: true });
  const names = await readdir(join(root, unitDirectory));
  for (const name of names.filter((entry) => entry.endsWith(".service"))) {
    const program = await firstProgram(join(root, unitDirectory, name));
    if (program !== undefined && !(await isProgram(root, program))) await rm(join(root, unitDirectory, name));
  }
  for (const name of names.filter((entry) => /\.(?:socket|path|timer)$/.test(entry))) {
    const path = join(root, unitDirectory, name);
    const text = await textOfFile(path);
    if (text === undefined) continue;
    const named = /^(?:Service|Unit)=(.+)$/m.exec(text)?.[1];
    const started = named ?? `${name.slice(0, name.lastIndexOf("."))}.service`;
    const template = `${name.slice(0, name.lastIndexOf("."))}@.service`;
    if (!(await exists(root, started)) && !(await exists(root, template))) await rm(path);
  }
  await removeDanglingLinks(root);
}

/**
 * Units of systemd that take settings from credentials of the machine: whoever sets strings of the firmware, of a virtual
 * machine or on the ESP would write files, kernel parameters and networks. Nobody has a use for that here.
 */
const importers: ReadonlySet<string> = new Set([
  "systemd-journald.service",
  "systemd-networkd.service",
  "systemd-resolved.service",
  "systemd-sysctl.service",
  "systemd-tmpfiles-clean.service",
  "systemd-tmpfiles-setup.service",
]);

/** @throws {Failure<"unfit-root">} for a unit that nobody looked at yet, or that says it in another way */
export async function refuseCredentials(root: string): Promise<void> {
  const units = join(root, unitDirectory);
  for (const { path, type } of await walk(units)) {
    if (type !== "file") continue;
    const text = await readFile(join(units, path), "utf8");
    const kept = importers.has(path) ? text.replaceAll(/^ImportCredential=.*\n/gm, "") : text;
    // Without a path, also LoadCredential= takes what the machine was given.
    const importing = /^(?:ImportCredential=.*|LoadCredential(?:Encrypted)?=(?![^:\n]+:\/).*)$/m.exec(kept)?.[0];
    if (importing !== undefined) {
      throw new Failure("unfit-root", `cannot use this root: ${path} has ${importing}`, {
        hint: "what the firmware says configures no unit: see image/root/units.ts",
      });
    }
    if (kept !== text) await writeFile(join(units, path), kept);
  }
}

/** A unit may name a program without its directory. */
async function isProgram(root: string, program: string): Promise<boolean> {
  const places = program.startsWith("/") ? [program] : [`usr/bin/${program}`, `usr/sbin/${program}`];
  for (const place of places) if ((await resolveInRoot(root, place)) !== undefined) return true;
  return false;
}

/** The program that a unit starts: the first word of its first ExecStart=. Nothing for links and units without one. */
async function firstProgram(path: string): Promise<string | undefined> {
  const text = await textOfFile(path);
  if (text === undefined) return undefined;
  return /^ExecStart=[-@:+!|]*([^-@:+!|\s]\S*)/m.exec(text)?.[1];
}

async function textOfFile(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isFile() ? await readFile(path, "utf8") : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function exists(root: string, unit: string): Promise<boolean> {
  return (await resolveInRoot(root, `${unitDirectory}/${unit}`)) !== undefined;
}

async function removeDanglingLinks(root: string): Promise<void> {
  // A link may lead to another link that is removed here, hence until nothing changes.
  for (let removed = 1; removed > 0;) {
    removed = 0;
    for (const { path, type, target } of await walk(join(root, unitDirectory))) {
      // /dev/null masks a unit on purpose.
      if (type !== "symlink" || target === "/dev/null") continue;
      if ((await resolveInRoot(root, `${unitDirectory}/${path}`)) !== undefined) continue;
      await unlink(join(root, unitDirectory, path));
      removed++;
    }
  }
}

/**
 * Enables what `os/presets` and our own units ask for, and makes multi-user.target the one that is booted into.
 *
 * @param ownUnits names of units of `os/units`; those with an [Install] section are enabled
 */
export async function enableUnits(tools: ToolsRoot, root: string, ownUnits: readonly string[]): Promise<void> {
  const enabled: string[] = [];
  for (const name of ownUnits) {
    const text = await readFile(join(root, unitDirectory, name), "utf8");
    if (/^\[Install\]$/m.test(text)) enabled.push(`enable ${name}\n`);
  }
  const preset = join(root, "usr/lib/systemd/system-preset/05-own-units.preset");
  await mkdir(dirname(preset), { recursive: true });
  await writeFile(preset, enabled.toSorted().join(""));
  await runTool(tools, ["systemctl", `--root=${root}`, "--preset-mode=enable-only", "preset-all"], { binds: [root] });
  await moveLinks(join(root, "etc/systemd/system"), join(root, unitDirectory));
  await rm(join(root, "etc/systemd/system"), { recursive: true, force: true });
  const defaultTarget = join(root, unitDirectory, "default.target");
  await rm(defaultTarget, { force: true });
  await symlink("multi-user.target", defaultTarget);
}

async function moveLinks(from: string, to: string): Promise<void> {
  for (const { path, type } of await walkIfPresent(from)) {
    if (type !== "symlink") continue;
    await mkdir(dirname(join(to, path)), { recursive: true });
    await rename(join(from, path), join(to, path));
  }
}

async function walkIfPresent(directory: string): ReturnType<typeof walk> {
  try {
    return await walk(directory);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

/** Names of units among paths of `os/`, without drop-ins. */
export function unitNames(paths: readonly string[]): string[] {
  return paths.filter((path) => dirname(path) === unitDirectory).map((path) => basename(path));
}
