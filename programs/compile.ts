/**
 * Compiles our programs into executables that need nothing beside them. Runs on the build machine.
 *
 * The same source and the same `bun.sum` give the same bytes, whatever machine, directory or time it is. What comes out
 * is no interpreter: it ignores the environment, `.env`, `bunfig.toml`, `tsconfig.json` and `package.json` around it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fleetPage } from "../cluster/console/fleet-page.ts";
import { hostPage } from "../console/server/host-page.ts";
import { writeFileAtomic } from "../lib/files/files.ts";
import { run } from "../lib/program/process.ts";
import type { Architecture } from "../variants/variant.ts";
import { bundlePage, packed } from "../web/server/bundle.ts";
import { packedName, type PageSource } from "../web/server/page-file.ts";
import { sealedBun, workInStore, type BunPlatform } from "./bun-executable.ts";

/** Machines that people type `apiclient` on. */
export const clientPlatforms = ["linux-x86_64", "linux-aarch64", "darwin-aarch64"] as const;
export type ClientPlatform = (typeof clientPlatforms)[number];

const bunPlatforms: Record<ClientPlatform, BunPlatform> = {
  "linux-x86_64": "linux-x64",
  "linux-aarch64": "linux-aarch64",
  "darwin-aarch64": "darwin-aarch64",
};
const repository = join(import.meta.dir, "..");

const targets: Record<BunPlatform, Bun.Build.CompileTarget> = {
  "linux-x64": "bun-linux-x64",
  "linux-aarch64": "bun-linux-arm64",
  "darwin-aarch64": "bun-darwin-arm64",
};

/** Makes the one executable of a host; `host/names.ts` says by which names it is to be found. */
export async function compileHost(architecture: Architecture, outfile: string): Promise<void> {
  await compile("host/main.ts", bunPlatforms[`linux-${architecture}`], outfile);
}

/** Makes an `apiclient` for machines that are no hosts. */
export async function compileClient(platform: ClientPlatform, outfile: string): Promise<void> {
  await compile("console/client-main.ts", bunPlatforms[platform], outfile, [await bundled(hostPage)]);
}

/** Makes the one executable of the images of host containers; see `programs/containers/names.ts`. */
export async function compileContainerPrograms(architecture: Architecture, outfile: string): Promise<void> {
  await compile("programs/containers/main.ts", bunPlatforms[`linux-${architecture}`], outfile);
}

/** Makes the operator of a fleet, the one executable of its image. */
export async function compileFleetOperator(architecture: Architecture, outfile: string): Promise<void> {
  const page = await bundled(fleetPage);
  await compile("cluster/operator/main.ts", bunPlatforms[`linux-${architecture}`], outfile, [page]);
}

/** Makes the updater of ECS clusters, the one executable of its image. */
export async function compileEcsUpdater(architecture: Architecture, outfile: string): Promise<void> {
  await compile("cluster/ecs/main.ts", bunPlatforms[`linux-${architecture}`], outfile);
}

/** Where the bundle of a page lies, for an executable to carry. Its path goes into that, and so it is the same for everybody. */
async function bundled(source: PageSource): Promise<string> {
  const page = join("build", packedName(source));
  await writeFileAtomic(join(repository, page), packed(await bundlePage(source)));
  return page;
}

/** Makes the installer, the one program of the archive that a medium or the network starts. */
export async function compileInstaller(architecture: Architecture, outfile: string): Promise<void> {
  await compile("installer/main.ts", bunPlatforms[`linux-${architecture}`], outfile);
}

/**
 * @param entry relative to the root of the repository
 * @param beside files, relative to it too, that the program carries, to be found among `Bun.embeddedFiles`
 */
export async function compile(
  entry: string,
  platform: BunPlatform,
  outfile: string,
  beside: readonly string[] = [],
): Promise<void> {
  const executablePath = await sealedBun(platform);
  // Its name goes into the executable, so it is always built under the same one.
  await using work = await workInStore();
  const compiled = join(work.path, "program");
  const flags = [
    "--compile",
    `--target=${targets[platform]}`,
    `--compile-executable-path=${executablePath}`,
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    "--bytecode",
    "--format=esm",
    // A program reads and keeps in memory the modules that it imports, not those of all programs.
    "--splitting",
    // Stacks in the journal are read by people: they name our functions, files and lines.
    "--keep-names",
    "--sourcemap=linked",
    "--asset-naming=[name].[ext]",
    `--outfile=${compiled}`,
  ];
  // Paths in the executable are relative to the working directory.
  await run([process.execPath, "build", ...flags, entry, ...beside], { cwd: repository });
  await writeFileAtomic(outfile, await readFile(compiled), 0o755);
}
