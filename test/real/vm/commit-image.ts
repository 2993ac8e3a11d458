/** Images of an older state of this repository, as that state builds them: what hosts run that are updated today. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Built } from "../../../image/artefacts.ts";
import { readBuild } from "../../../image/finished-build.ts";
import { isPresent } from "../../../lib/files/files.ts";
import { run } from "../../../lib/program/process.ts";

const repository = join(import.meta.dir, "../../..");
const parent = join(repository, "build/test/commits");
/** With its own dependencies, and packages that are not in the cache any more. */
const buildMs = 60 * 60_000;

/** The last state whose images have Debian's containerd 1.7. */
export const lastWithContainerd17 = "587b7cf";

/** Kept between runs: neither the commit nor the root role changes. */
export async function imageOfCommit(
  commit: string,
  { variant, osVersion, updateRoot }: { variant: string; osVersion: string; updateRoot: string },
): Promise<Built> {
  const output = join(parent, `${commit}-${variant}-${osVersion}`);
  if (!(await isPresent(output))) {
    const tree = join(parent, `${commit}-tree`);
    await rm(tree, { recursive: true, force: true });
    await run(["git", "worktree", "prune"], { cwd: repository });
    await run(["git", "worktree", "add", "--detach", tree, commit], { cwd: repository });
    const request = [`--variant=${variant}`, `--os-version=${osVersion}`, `--update-root=${updateRoot}`];
    await run(["./orlop", "build", ...request, `--output=${output}`], { cwd: tree, limitMs: buildMs });
    await run(["git", "worktree", "remove", "--force", tree], { cwd: repository });
  }
  const { manifest, manifestPath, name } = await readBuild(output);
  return { manifest, manifestPath, image: join(output, `${name}.img`) };
}
