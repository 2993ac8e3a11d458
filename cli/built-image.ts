/** Builds an image with the programs of this work tree in it. */
import { join } from "node:path";
import { compileHost } from "../host/compile.ts";
import { executable, names } from "../host/names.ts";
import { buildImage, type Built } from "../image/build.ts";
import { commitOf } from "../image/commit.ts";
import { say } from "../lib/progress.ts";
import { version } from "../package.json";
import { variantNamed } from "../variants/all.ts";
import type { Architecture } from "../variants/variant.ts";
import { buildDirectory, repository } from "./context.ts";

export type Wanted = {
  variant: string;
  architecture: Architecture;
  output?: string | undefined;
  mirror?: string | undefined;
  /** What to do when the executables differ from the golden list. */
  golden?: "check" | "write";
  /** A root role of the update repository that the image shall trust. */
  updateRoot?: string | undefined;
  /** Of the OS; that of this work tree unless given. */
  osVersion?: string | undefined;
};

export async function builtImage(
  { variant, architecture, output, mirror, golden, updateRoot, osVersion = version }: Wanted,
  signal: AbortSignal,
): Promise<Built> {
  const chosen = variantNamed(variant);
  say(`compiling the host's programs for ${architecture}`);
  const hostBinary = join(buildDirectory, `host-${architecture}`, executable);
  await compileHost(architecture, hostBinary);
  return await buildImage(chosen, architecture, {
    version: osVersion,
    commit: await commitOf(repository),
    hostBinary,
    hostNames: { executable, links: names },
    output: output ?? buildDirectory,
    signal,
    ...(mirror === undefined ? {} : { mirror }),
    ...(golden === undefined ? {} : { golden }),
    ...(updateRoot === undefined ? {} : { updateRoot }),
  });
}
