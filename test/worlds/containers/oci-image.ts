/**
 * A small image for tests of containers: busybox and nothing else, so that a container of it can be looked into.
 *
 * ```ts
 * await using image = await busyboxImage({ entrypoint: ["/bin/sh", "-c", "exec sleep 1d"] });
 * await registry.push(image.layout, "sleeper:v1");
 * ```
 */
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { blobsOf, makeLayer, makeLayout, packDirectory } from "../../../image/oci/layout.ts";
import { machineArchitecture, openToolsRoot, runTool } from "../../../image/packages/tools-root.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { run } from "../../../lib/program/process.ts";

export type BusyboxImage = {
  entrypoint: readonly string[];
  command?: readonly string[];
  environment?: Readonly<Record<string, string>>;
  /** By absolute path. */
  files?: Readonly<Record<string, string | Uint8Array>>;
  /** Files of this computer, by the absolute path that they have in the image, where they may be executed. */
  programs?: Readonly<Record<string, string>>;
  /** With the C library that the host's programs are linked with, as images of distributions have one. */
  glibc?: boolean;
};

/** By architecture, where programs look for what loads them. */
const loaders = { x86_64: "lib64/ld-linux-x86-64.so.2", aarch64: "lib/ld-linux-aarch64.so.1" } as const;
const libraries = ["libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0"] as const;

/** Any date: the same content shall be the same image. */
const epochSeconds = 1_750_000_000;

/** Makes the layout of an image; its directory goes when the caller is done. */
export async function busyboxImage({
  files = {},
  programs = {},
  environment = {},
  glibc = false,
  ...started
}: BusyboxImage): Promise<AsyncDisposable & { layout: string }> {
  const architecture = machineArchitecture();
  const { directory: from } = await openToolsRoot({ sets: ["busybox"] });
  const busybox = join(from, "usr/bin/busybox");
  const directory = await mkdtemp(join(tmpdir(), "busybox-image-"));
  const tree = join(directory, "tree");
  for (const name of ["bin", "dev", "etc", "proc", "run", "sys", "tmp"]) {
    await mkdir(join(tree, name), { recursive: true });
  }
  await copyFile(busybox, join(tree, "bin/busybox"));
  const { stdout } = await run([busybox, "--list"]);
  for (const applet of stdout.trim().split("\n")) {
    if (applet !== "busybox") await symlink("busybox", join(tree, "bin", applet));
  }
  for (const [path, text] of Object.entries({ "/etc/passwd": "root:x:0:0:root:/:/bin/sh\n", ...files })) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  const paths = [loaders[architecture], ...libraries.map((name) => `lib/${architecture}-linux-gnu/${name}`)];
  const linked = glibc ? Object.fromEntries(paths.map((path) => [path, join(from, path)])) : {};
  for (const [path, source] of Object.entries({ ...linked, ...programs })) {
    const place = join(tree, path);
    await mkdir(dirname(place), { recursive: true });
    await rm(place, { force: true }); // a link to busybox
    await copyFile(source, place);
    await chmod(place, 0o755);
  }
  const layout = join(directory, "layout");
  const layer = join(directory, "layer");
  await makeLayer(await openToolsRoot(), layer, tree, epochSeconds);
  const layers = [{ directory: layer, description: "busybox" }];
  const config = { architecture, ...started, environment: { PATH: "/bin", ...environment } };
  await makeLayout(layout, { layers, config, epochSeconds });
  return { layout, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

/** The same as one file, as an update repository has it. */
export async function busyboxArchive(path: string, made: BusyboxImage): Promise<void> {
  await using image = await busyboxImage(made);
  await packDirectory(await openToolsRoot(), image.layout, path, epochSeconds);
}

const configSchema = z.looseObject({
  config: z.looseObject({ Entrypoint: z.array(z.string()), Env: z.array(z.string()) }),
});

/** Unpacks the image of a layout into a directory that exists; gives what a container of it would start. */
export async function unpackLayout(layout: string, root: string): Promise<readonly string[]> {
  const { config, layers } = await blobsOf(layout);
  const tools = await openToolsRoot();
  for (const layer of layers) {
    const options = ["--extract", "--zstd", "--numeric-owner", "--preserve-permissions", `--directory=${root}`];
    await runTool(tools, ["tar", ...options, `--file=${join(layout, layer)}`], {
      binds: [root],
      readOnlyBinds: [layout],
      // What is unpacked belongs to many.
      capabilities: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID"],
    });
  }
  return configSchema.parse(parseJson(await readFile(join(layout, config), "utf8"))).config.Entrypoint;
}
