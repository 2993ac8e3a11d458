/** A companion out of the update repository: the one that a version was published with, as signed. */
import { open, stat } from "node:fs/promises";
import { Failure } from "../../../lib/failure.ts";
import { isFor } from "../../../repo/manifest.ts";
import { hostPath, type System } from "../../machine/system.ts";
import type { UpdateMirror } from "../../update/fetch/mirror.ts";
import {
  refreshTrust,
  targetStream,
  type Target,
  type TrustedRepository,
} from "../../update/fetch/trusted-repository.ts";
import type { UpdateImage } from "../../update/state.ts";

/**
 * Writes it to a file, which has it as signed when this resolves.
 *
 * @throws {Failure<"no-image" | TufCode | "target-not-as-signed">}
 */
export async function fetchPublished(
  system: System,
  mirror: UpdateMirror,
  { companion, image }: { companion: string; image: UpdateImage },
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const { mtime: builtAt } = await stat(hostPath(system, "/usr/lib/os-release"));
  const target = targetOf(await refreshTrust(system, mirror, builtAt, signal), companion, image);
  system.log.info(`image: fetching ${target.name} of ${(target.bytes / 1e6).toFixed(1)} MB from the update repository`);
  await using file = await open(path, "w", 0o600);
  for await (const bytes of targetStream(system, mirror, target, signal)) await file.writeFile(bytes);
}

function targetOf(
  { manifest, target }: Pick<TrustedRepository, "manifest" | "target">,
  companion: string,
  { version, ...machines }: UpdateImage,
): Target {
  const refuse = (reason: string): Failure =>
    new Failure("no-image", `cannot get the image ${companion} of ${version}: ${reason}`);
  const update = manifest.updates.find((each) => isFor(each, machines) && each.version === version);
  if (update === undefined) throw refuse("the update repository does not have this version");
  const name = Object.entries(update.companions ?? {}).find(([known]) => known === companion)?.[1];
  if (name === undefined) throw refuse("the update repository has the version without it");
  const signed = target(name);
  if (signed === undefined) throw refuse(`${name}, which the update repository names, is no signed target`);
  return signed;
}
