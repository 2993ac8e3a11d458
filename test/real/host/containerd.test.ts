/**
 * The containerd of our images, run natively, takes what hosts render for it: every variant, with default and with
 * all-set settings.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "smol-toml";
import { runTool, type ToolsRoot } from "../../../image/packages/tools-root.ts";
import { isJsonObject, parseJson, type JsonObject } from "../../../lib/text/json.ts";
import { variantNamed, variants } from "../../../variants/all.ts";
import { basePrograms } from "../../../variants/variant.ts";
import { containerd17Programs, wantsContainerd17 } from "../../../variants/kubernetes.ts";
import { compileMs, openRuntime } from "../../worlds/containers/runtime.ts";
import { cases, rendered, type Case } from "../../golden.ts";

let tools: ToolsRoot;
let scratch: string;

beforeAll(async () => {
  tools = await openRuntime({ ...basePrograms, ...containerd17Programs });
  scratch = await mkdtemp(join(tmpdir(), "containerd-"));
}, compileMs);
afterAll(() => rm(scratch, { recursive: true, force: true }));

function contentOf(variant: string, testCase: Case, path: string): string {
  const all = [...variants.values()]
    .filter(({ name }) => name === variant)
    .flatMap((found) => rendered(found, testCase));
  const file = all.find((candidate) => candidate.path === path);
  if (file === undefined || "linkTo" in file) throw new Error(`${variant} has no ${path}`);
  return file.content;
}

/** What containerd makes of a configuration: its defaults, and ours over them. */
async function dump(variant: string, testCase: Case): Promise<object> {
  const path = join(scratch, "config.toml");
  await writeFile(path, contentOf(variant, testCase, "/etc/containerd/config.toml"));
  const program = wantsContainerd17(variantNamed(variant)) ? "/usr/lib/containerd-1.7/containerd" : "containerd";
  const { stdout } = await runTool(tools, [program, "--config", path, "config", "dump"], { binds: [scratch] });
  return parse(stdout);
}

const combinations = [...variants.keys()].flatMap((variant) => cases.map((testCase) => [variant, testCase] as const));

test.each(combinations)(
  "containerd takes the configuration of %s, %s, every value of it",
  async (variant, testCase) => {
    const written = parse(contentOf(variant, testCase, "/etc/containerd/config.toml"));
    expect(await dump(variant, testCase)).toMatchObject(written);
  },
);

const kubernetes = [...variants.values()]
  .filter(({ orchestrator }) => orchestrator.kind === "kubernetes")
  .map(({ name }) => name);

const specPath = "/etc/containerd/base-runtime-spec.json";
const objectOf = (value: unknown): JsonObject => {
  const json = typeof value === "string" ? parseJson(value) : undefined;
  if (isJsonObject(json)) return json;
  throw new Error("no object");
};

test.each(kubernetes)("containers of %s start from containerd's own default, but for limits", async (variant) => {
  const own = objectOf(contentOf(variant, "default", specPath));
  const { stdout } = await runTool(tools, ["ctr", "oci", "spec"]);
  const theirs = objectOf(stdout);
  // CRI names the cgroup of each container.
  delete objectIn(theirs, "linux")["cgroupsPath"];
  for (const spec of [own, theirs]) {
    const capabilities = objectIn(objectIn(spec, "process"), "capabilities");
    for (const [set, names] of Object.entries(capabilities)) {
      capabilities[set] = Array.isArray(names) ? names.map(String).toSorted() : names;
    }
  }
  expect(objectIn(own, "process")["rlimits"]).toEqual([{ type: "RLIMIT_NOFILE", hard: 1_048_576, soft: 65_536 }]);
  delete objectIn(own, "process")["rlimits"];
  delete objectIn(theirs, "process")["rlimits"];
  expect(own).toEqual(theirs);
});

function objectIn(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  if (isJsonObject(value)) return value;
  throw new Error(`${name} is no object`);
}

test("capabilities and limits of the settings are in what containers start from, without limit included", () => {
  const text = contentOf("metal-k8s-1.20", "all-set", specPath);
  expect(text).toContain('"hard": 18446744073709551615');
  const granted = objectIn(objectIn(objectOf(text), "process"), "capabilities")["bounding"];
  expect(granted).toContain("CAP_NET_ADMIN");
  expect(granted).not.toContain("CAP_MKNOD");
});

test("the plugin of kubelet is off where there is no kubelet", async () => {
  expect(await dump("dev", "default")).toMatchObject({
    disabled_plugins: ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri"],
  });
});
