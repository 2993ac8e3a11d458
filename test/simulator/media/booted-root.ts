/**
 * The root of one boot of a simulated machine: what is read-only of its host, and a /run of its own.
 *
 * Machines that branch from one another boot while clients of the other ones are at work: locks and working copies below
 * /run are each machine's own, as they are empty after each boot.
 */
import { cp, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { System } from "../../../host/machine/system.ts";

export type BootedRoot = AsyncDisposable & { root: string };

const run = "run";

/** @param host whose files of /run are there when the daemon starts */
export async function bootedRoot(host: System): Promise<BootedRoot> {
  const root = await mkdtemp(join(tmpdir(), "orlop-boot-"));
  for (const name of await readdir(host.root)) {
    const from = join(host.root, name);
    if (name === run) await cp(from, join(root, name), { recursive: true });
    else await symlink(from, join(root, name));
  }
  return { root, [Symbol.asyncDispose]: async () => await rm(root, { recursive: true, force: true }) };
}
