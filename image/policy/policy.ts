/**
 * The policy of SELinux: compiled from `os/selinux/`, and laid where systemd, libselinux and the runtimes look for it.
 *
 * Only the newest policy that the kernel reads is there: without libsepol, which hosts do not have, none is converted.
 * Sources: selinux_config(5), file_contexts(5), go-selinux (lxc_contexts), dbus-broker (dbus_contexts).
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { namesIn } from "../../lib/files/files.ts";
import { type InputFile, inputFile } from "../inputs.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { factoryDirectory } from "../root/factory.ts";
import { osDirectory } from "../root/os-content.ts";

/** Its name, and that of its directory below `/etc/selinux`. */
const policyName = "orlop";
/** Linux 6.12 reads up to this one. */
const policyVersion = 33;
const categories = 1024;

const contextsDirectory = `selinux/${policyName}/contexts`;

/** Where a finished root says which label each of its files has. */
export const fileContextsPath = `${factoryDirectory}/${contextsDirectory}/files/file_contexts`;

/** The sources, in a fixed order. */
export async function policySources(directory = join(osDirectory, "selinux")): Promise<InputFile[]> {
  const names = (await namesIn(directory)).filter((name) => name.endsWith(".cil")).toSorted();
  return await Promise.all(names.map(async (name) => await inputFile(join(directory, name))));
}

/** Compiles the policy into what `/etc` of `root` begins as. A rule that it says must never hold, and that holds, stops it. */
export async function placePolicy(tools: ToolsRoot, root: string, sources: readonly InputFile[]): Promise<void> {
  const work = await mkdtemp(join(dirname(root), "policy-"));
  await writeFile(join(work, "0-categories.cil"), categoriesSource());
  for (const { path } of sources) await writeFile(join(work, basename(path)), await readFile(path));
  const cil = ["0-categories.cil", ...sources.map(({ path }) => basename(path))].map((name) => join(work, name));
  const [policy, fileContexts] = [join(work, "policy"), join(work, "file_contexts")];
  const options = ["--mls=true", `--policyvers=${policyVersion}`, "--optimize"];
  await runTool(tools, ["secilc", ...options, `--output=${policy}`, `--filecontexts=${fileContexts}`, ...cil], {
    binds: [work],
  });
  const files: Readonly<Record<string, string | Uint8Array>> = {
    // The signed command line has the last word about the mode.
    "selinux/config": `SELINUX=enforcing\nSELINUXTYPE=${policyName}\n`,
    [`selinux/${policyName}/policy/policy.${policyVersion}`]: await readFile(policy),
    [`${contextsDirectory}/files/file_contexts`]: await readFile(fileContexts),
    // The bus does not start without it.
    [`${contextsDirectory}/dbus_contexts`]: "<busconfig><selinux></selinux></busconfig>\n",
    // What containerd gives to containers that ask for nothing, each with categories of its own.
    [`${contextsDirectory}/lxc_contexts`]: [
      'process = "system_u:system_r:container_t:s0"',
      'file = "system_u:object_r:data_t:s0"',
      'ro_file = "system_u:object_r:data_t:s0"\n',
    ].join("\n"),
  };
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, factoryDirectory, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }
  await rm(work, { recursive: true });
}

function categoriesSource(): string {
  const names = Array.from({ length: categories }, (_, index) => `c${index}`);
  return [
    ...names.map((name) => `(category ${name})`),
    `(categoryorder (${names.join(" ")}))`,
    `(categoryset all_categories (range c0 c${categories - 1}))`,
    `(sensitivitycategory s0 (range c0 c${categories - 1}))`,
    "",
  ].join("\n");
}
