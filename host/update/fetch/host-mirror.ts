/** The mirror that settings name, and what the choice of an update takes from them. */
import { Failure } from "../../../lib/failure.ts";
import { seedLimit } from "../../../repo/waves/waves.ts";
import type { Settings } from "../../../settings/groups/group.ts";
import { routeOf } from "../../machine/outbound.ts";
import type { System } from "../../machine/system.ts";
import type { UpdateMirror } from "./mirror.ts";

export type Wishes = { seed: number; versionLock: string; ignoreWaves: boolean; tries: number };

export function wishesOf({ updates }: Settings): Wishes {
  return {
    // Until one is drawn, a host is the last to be served.
    seed: updates.seed === undefined ? seedLimit - 1 : updates.seed % seedLimit,
    versionLock: updates["version-lock"].replace(/^v/, ""),
    ignoreWaves: updates["ignore-waves"],
    tries: updates.tries,
  };
}

/** @throws {Failure<"no-repository">} when settings name none */
export async function mirrorOf(
  system: System,
  settings: Settings,
  query: UpdateMirror["query"],
): Promise<UpdateMirror> {
  const { updates } = settings;
  const [metadata, targets] = [updates["metadata-base-url"], updates["targets-base-url"]];
  if (metadata === undefined || targets === undefined) {
    const missing = metadata === undefined ? "metadata-base-url" : "targets-base-url";
    throw new Failure("no-repository", `cannot look for updates: settings.updates.${missing} is not set`, {
      hint: "apiclient set updates.metadata-base-url=… updates.targets-base-url=…",
    });
  }
  return {
    metadata: new URL(metadata),
    targets: new URL(targets),
    ...(await routeOf(system, settings)),
    query,
  };
}
