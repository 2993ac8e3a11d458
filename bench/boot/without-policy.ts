/** The `dev` image of this work tree, but for one word of the kernel: it does without SELinux, as images once were. */
import { join } from "node:path";
import { executable, names } from "../../host/names.ts";
import type { Built } from "../../image/artefacts.ts";
import { buildImage } from "../../image/build.ts";
import { defined } from "../../lib/defined.ts";
import { compileHost } from "../../programs/compile.ts";
import { dev } from "../../variants/dev.ts";

type Wanted = { output: string; osVersion: string; updateRoot?: string };

export async function imageWithoutPolicy(
  { output, osVersion, updateRoot }: Wanted,
  signal: AbortSignal,
): Promise<Built> {
  const hostBinary = join(output, executable);
  await compileHost("x86_64", hostBinary);
  const variant = { ...dev, kernelParameters: [...dev.kernelParameters, "selinux=0"] };
  return await buildImage(variant, "x86_64", {
    version: osVersion,
    commit: "without-policy",
    hostBinary,
    hostNames: { executable, links: names },
    output,
    ...defined({ updateRoot }),
    fetch: { signal },
  });
}
