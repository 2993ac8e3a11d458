/** TypeScript from the .proto files beside it, by `buf` and `protoc-gen-es` of node_modules. */
import { deferred } from "../lib/deferred.ts";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../lib/program/process.ts";

const repository = join(import.meta.dir, "..");
const directory = "host/containers/containerd/api";
const programs = join(repository, "node_modules/.bin");

/** Makers of the generated files, by path. */
export const protobufFiles: Readonly<Record<string, () => Promise<string>>> = Object.fromEntries(
  (await readdir(join(repository, directory)))
    .filter((name) => name.endsWith(".proto"))
    .map((name) => name.replace(/\.proto$/, "_pb.ts"))
    .map((name) => [`${directory}/${name}`, async () => (await generated()).get(name) ?? ""]),
);

let made: Promise<ReadonlyMap<string, string>> | undefined;
const generated = (): Promise<ReadonlyMap<string, string>> => (made ??= generate());

async function generate(): Promise<ReadonlyMap<string, string>> {
  const out = await mkdtemp(join(tmpdir(), "protobuf-"));
  await using _removal = deferred(async () => {
    await rm(out, { recursive: true });
  });
  const template = {
    version: "v2",
    inputs: [{ directory: join(repository, directory) }],
    plugins: [
      {
        local: [process.execPath, join(programs, "protoc-gen-es")],
        out,
        opt: ["target=ts", "import_extension=ts"],
      },
    ],
  };
  await run([process.execPath, join(programs, "buf"), "generate", "--template", JSON.stringify(template)]);
  const names = await readdir(out);
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(out, name), "utf8")] as const)),
  );
}
