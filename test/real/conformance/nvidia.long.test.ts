/**
 * Protects: NVIDIA's own programs take what hosts write for them and do what it asks, as far as that is seen without a
 * GPU: they look for the driver where it is to be, and say what is missing.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { nvidiaToolkit } from "../../../host/files/nvidia/toolkit.ts";
import { machineArchitecture } from "../../../image/packages/tools-root.ts";
import { makeProgram } from "../../../image/recipes/programs.ts";
import { ask, run } from "../../../lib/program/process.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { factsOf, settingsOf } from "../../worlds/host/settings.ts";

const variant = "metal-k8s-1.35-nvidia";
/** Where they are not in the cache, they are compiled first. */
const compileMs = 30 * 60_000;
const waits = "failed to initialize NVML: ERROR_LIBRARY_NOT_FOUND";

let folder: string;
let runtime: string;
let toolkit: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "orlop-nvidia-"));
  const made = async (name: string): Promise<string> =>
    (await makeProgram(name, { architecture: machineArchitecture() })).path;
  runtime = await made("nvidia-container-toolkit/nvidia-container-runtime");
  toolkit = await made("nvidia-container-toolkit/nvidia-ctk");
}, compileMs);
afterAll(async () => rm(folder, { recursive: true, force: true }));

type Tree = Parameters<typeof settingsOf>[0];

function contentOf(file: typeof nvidiaToolkit, tree: Tree): string {
  const [rendered] = file.render(settingsOf(tree, variant), factsOf(variant));
  if (rendered === undefined || !("content" in rendered)) throw new Error(`expected ${file.name}`);
  return rendered.content;
}

/** What NVIDIA's runtime says of a container, whose real runtime would succeed. */
async function created(tree: Tree, container: { env?: string[]; gpu?: string }) {
  const bundle = await mkdtemp(join(folder, "bundle-"));
  const configuration = contentOf(nvidiaToolkit, tree);
  expect(configuration).toContain("/usr/bin/runc");
  const path = join(bundle, "etc/nvidia-container-runtime/config.toml");
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, configuration.replace("/usr/bin/runc", "/usr/bin/true"));
  const mount = { destination: `/var/run/nvidia-container-devices/${container.gpu}`, source: "/dev/null" };
  const spec = {
    ociVersion: "1.2.0",
    process: { user: { uid: 0, gid: 0 }, args: ["sh"], env: ["PATH=/bin", ...(container.env ?? [])], cwd: "/" },
    root: { path: "rootfs" },
    mounts: container.gpu === undefined ? [] : [{ ...mount, type: "bind", options: ["bind"] }],
    linux: { namespaces: [{ type: "mount" }] },
  };
  await writeFile(join(bundle, "config.json"), JSON.stringify(spec));
  const env = { PATH: "/usr/bin", XDG_CONFIG_HOME: join(bundle, "etc") };
  const { exitCode, stderr } = await ask([runtime, "create", "--bundle", bundle, "container"], { env });
  return { exitCode, stderr };
}

test("a container that asks for no GPU starts without a driver", async () => {
  expect(await created({}, {})).toMatchObject({ exitCode: 0 });
});

test("one that is given a GPU does not start without a driver, and is told why", async () => {
  const asked = { env: ["NVIDIA_VISIBLE_DEVICES=/var/run/nvidia-container-devices"], gpu: "0" };
  expect(await created({}, asked)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(waits) });
});

test("a variable of a container without privileges counts only where settings say so", async () => {
  const asked = { env: ["NVIDIA_VISIBLE_DEVICES=all"] };
  expect(await created({}, asked)).toMatchObject({ exitCode: 0 });
  const allowed = { "nvidia-container-runtime": { "visible-devices-envvar-when-unprivileged": true } };
  expect(await created(allowed, asked)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(waits) });
});

const cdiSchema = z.object({
  devices: z.array(z.object({ containerEdits: z.object({ deviceNodes: z.array(z.object({ path: z.string() })) }) })),
  containerEdits: z.object({ mounts: z.array(z.object({ hostPath: z.string(), containerPath: z.string() })) }),
});

/** Device nodes without devices, and libraries without content: it needs root. */
test("what a driver's root has is described for containers", async () => {
  const root = join(folder, "driver");
  const libraries = join(root, "usr/lib/x86_64-linux-gnu");
  for (const path of [libraries, join(root, "dev")]) await mkdir(path, { recursive: true });
  for (const name of ["libcuda.so.580.65.06", "libnvidia-ml.so.580.65.06"]) await writeFile(join(libraries, name), "x");
  for (const [name, minor] of [
    ["nvidia0", 0],
    ["nvidia1", 1],
    ["nvidiactl", 255],
  ] as const) {
    await run(["mknod", join(root, "dev", name), "c", "195", String(minor)]);
  }
  const output = join(folder, "nvidia.json");
  const where = ["--driver-root", root, "--nvidia-cdi-hook-path", "/usr/bin/nvidia-cdi-hook", "--output", output];
  await run([toolkit, "cdi", "generate", "--mode", "management", ...where]);
  const { devices, containerEdits } = cdiSchema.parse(parseJson(await readFile(output, "utf8")));
  const nodes = devices.flatMap((device) => device.containerEdits.deviceNodes.map(({ path }) => path));
  expect(nodes).toEqual(["/dev/nvidia0", "/dev/nvidia1", "/dev/nvidiactl"]);
  expect(containerEdits.mounts).toContainEqual(
    expect.objectContaining({
      hostPath: `${libraries}/libcuda.so.580.65.06`,
      containerPath: "/usr/lib/x86_64-linux-gnu/libcuda.so.580.65.06",
    }),
  );
});
