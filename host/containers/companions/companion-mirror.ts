/** Where companions are fetched from: written by hostd from settings, read by whoever brings one. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { Failure } from "../../../lib/failure.ts";
import { readTextIfPresent } from "../../../lib/files/files.ts";
import { parseJson } from "../../../lib/text/json.ts";
import { authoritiesPath } from "../../machine/outbound.ts";
import { hostPath, type System } from "../../machine/system.ts";
import type { UpdateMirror } from "../../update/fetch/mirror.ts";

/** May have a password in a URL. */
export const companionMirrorPath = "/etc/host-containers/update-repository.json";

const companionMirrorSchema = z.object({
  metadata: z.url().exactOptional(),
  targets: z.url().exactOptional(),
  seed: z.int().exactOptional(),
  proxy: z.string().exactOptional(),
  noProxy: z.array(z.string()),
});
export type CompanionMirror = z.infer<typeof companionMirrorSchema>;

/** @throws {Failure<"no-repository">} when settings name none */
export async function readCompanionMirror(system: System, version: string): Promise<UpdateMirror> {
  const text = await readFile(hostPath(system, companionMirrorPath), "utf8");
  const { metadata, targets, seed, proxy, noProxy } = companionMirrorSchema.parse(parseJson(text));
  if (metadata === undefined || targets === undefined) {
    throw new Failure(
      "no-repository",
      "cannot look into the update repository: settings.updates does not say where it is",
    );
  }
  return {
    metadata: new URL(metadata),
    targets: new URL(targets),
    proxy,
    noProxy,
    authorities: await readTextIfPresent(hostPath(system, authoritiesPath)),
    query: { version, ...(seed === undefined ? {} : { seed: String(seed) }) },
  };
}
