/** Protects: the policy compiles, and one that gives away what it promises to keep does not. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openToolsRoot, type ToolsRoot } from "../packages/tools-root.ts";
import { factoryDirectory } from "../root/factory.ts";
import { osDirectory } from "../root/os-content.ts";
import { fileContextsPath, placePolicy, policySources } from "./policy.ts";

let directory: string;
let tools: ToolsRoot;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "policy-test-"));
  tools = await openToolsRoot();
}, 300_000);
afterAll(async () => await rm(directory, { recursive: true }));

/** The policy with one more rule, in a root of its own. */
async function withRule(rule: string): Promise<string> {
  const sources = await mkdtemp(join(directory, "sources-"));
  await cp(join(osDirectory, "selinux"), sources, { recursive: true });
  await writeFile(join(sources, "rule.cil"), `${rule}\n`);
  const root = join(await mkdtemp(join(directory, "made-")), "root");
  await placePolicy(tools, root, await policySources(sources));
  return root;
}

test("it compiles, to what a kernel reads: the same bytes each time", async () => {
  const policies = await Promise.all(
    [await withRule(""), await withRule("")].map(async (root) => {
      return await readFile(join(root, factoryDirectory, "selinux/orlop/policy/policy.33"));
    }),
  );
  // The magic number of a binary policy.
  expect(policies[0]?.readUInt32LE(0)).toBe(0xf97cff8c);
  expect(policies[0]?.equals(policies[1] ?? Buffer.of())).toBe(true);
});

test("what runs containers has the label for it, wherever a variant has it", async () => {
  const contexts = await readFile(join(await withRule(""), fileContextsPath), "utf8");
  const labels = [...contexts.matchAll(/^(\S+)\t*(?:\t--)?\t(\S+)$/gm)];
  // The last rule that fits counts; secilc sorts them.
  const typeOf = (path: string): string | undefined =>
    labels.findLast(([, pattern = ""]) => new RegExp(`^${pattern}$`).test(path))?.[2]?.split(":")[2];
  expect(typeOf("/usr/bin/kubelet")).toBe("kubelet_exec_t");
  const lists = join(import.meta.dir, "../executables");
  const runtimes = new Set<string>();
  for (const name of await readdir(lists)) {
    const paths = (await readFile(join(lists, name), "utf8")).matchAll(
      /^\S+\/(?:containerd\S*|runc|dockerd|docker-proxy)$/gm,
    );
    for (const [path] of paths) runtimes.add(path);
  }
  expect(runtimes.size).toBeGreaterThan(4);
  expect([...runtimes].filter((path) => typeOf(path) !== "runtime_exec_t")).toEqual([]);
});

test.each([
  ["writes the image", "(allow super_t os_t (file (write)))"],
  ["has the kernel run what a container brought", "(allow kernel_t data_t (file (execute)))"],
  ["starts a service from what is no part of the image", "(allow system_t local_t (file (entrypoint)))"],
  ["loads another policy", "(allow init_t security_t (security (load_policy)))"],
  ["switches it off", "(allow super_t security_t (security (setenforce)))"],
  ["reads settings from a container", "(allow control_t private_t (file (read)))"],
  ["writes what the host keeps from what runs containers", "(allow runtime_t private_t (file (write)))"],
  ["writes boot entries from a container", "(allow bootstrap_t esp_t (file (write)))"],
  ["opens the root's disk from a container", "(allow control_t disk_t (blk_file (open)))"],
  ["has the kernel start a program", "(allow control_t knob_t (file (write)))"],
  ["writes /etc from a container", "(allow control_t etc_t (file (create)))"],
  ["reaches the runtimes' sockets", "(allow control_t runtime_run_t (dir (search)))"],
  ["writes to a runtime's socket that is mounted for it", "(allow control_t runtime_run_t (sock_file (write)))"],
  ["talks to a runtime", "(allow control_t runtime_t (unix_stream_socket (connectto)))"],
  ["asks the API from an ordinary container", "(allow container_t api_socket_t (sock_file (write)))"],
  ["reads images from an ordinary container", "(allow container_t image_t (file (open)))"],
  ["traces the host", "(allow control_t init_t (process (ptrace)))"],
  ["becomes the host", "(allow container_t runtime_t (process (transition)))"],
  ["reads settings from the network", "(allow network_t private_t (file (open)))"],
])("a policy under which somebody %s is refused", async (_, rule) => {
  await expect(withRule(rule)).rejects.toThrow(/neverallow check failed/i);
});
