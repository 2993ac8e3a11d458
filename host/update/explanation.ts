/** When this host will see which version, and what holds the others: the answer to `apiclient update explain`. */
import type { UpdateExplanation } from "../../api/status.ts";
import { defined } from "../../lib/defined.ts";
import { isFailure } from "../../lib/failure.ts";
import { wavesOfUpdate, type Manifest } from "../../repo/manifest.ts";
import { chosen, describeHold, type RepositoryVersion } from "./choice.ts";
import { planOf, type DownloadPlan } from "./fetch/ways.ts";
import { missingExtensions } from "../extensions/missing-extensions.ts";
import { missingKit } from "./module-kit.ts";
import { updateIn, waysIn, type Look } from "./look.ts";
import type { UpdateImage } from "./state.ts";

export function explanationOf(
  look: Look,
  host: Pick<UpdateExplanation, "proved" | "held"> & {
    running: UpdateImage;
    modules: readonly string[];
    extensions: readonly string[];
  },
): UpdateExplanation {
  const { running, proved, held, modules, extensions } = host;
  const { trusted, versions, view } = look;
  const next = nextOf(versions);
  return {
    running,
    proved,
    seed: view.seed,
    ...defined({ chosen: chosen(versions) }),
    versions: versions.map(({ version, holds }) => ({
      version,
      ...releasedAt(updateIn(trusted.manifest, running, version)),
      ...defined({ download: version === running.version ? undefined : downloadIn(look, running, version) }),
      holds: holdsOf(holds),
    })),
    ...defined({ missingKit: next === undefined ? undefined : missingKit(trusted, running, next, modules) }),
    ...defined({
      missingExtensions: next === undefined ? undefined : missingExtensions(trusted, running, next, extensions),
    }),
    held,
    checkedAt: view.now.toISOString(),
    metadataExpires: trusted.expires.toISOString(),
  };
}

/** What this host will take: now, or when its wave opens. */
function nextOf(versions: readonly RepositoryVersion[]): string | undefined {
  const waiting = versions.find(({ holds }) => holds.length > 0 && holds.every(({ kind }) => kind === "wave"));
  return chosen(versions) ?? waiting?.version;
}

/** Undefined for a version whose files the repository does not sign: who takes it is told that. */
function downloadIn(look: Look, running: UpdateImage, version: string): DownloadPlan | undefined {
  try {
    return planOf(waysIn(look, running, version));
  } catch (error) {
    if (isFailure(error, "bad-manifest")) return undefined;
    throw error;
  }
}

function holdsOf(holds: RepositoryVersion["holds"]): UpdateExplanation["versions"][number]["holds"] {
  return holds.map((hold) => ({
    kind: hold.kind,
    // oxlint-disable-next-line id-denylist -- the name in the API
    says: describeHold(hold),
    ...(hold.kind === "wave" ? { opensAt: hold.opensAt.toISOString() } : {}),
  }));
}

/** When the first wave of a version began; waves are what tells that. */
function releasedAt(update: Manifest["updates"][number]): { releasedAt?: string } {
  const starts = wavesOfUpdate(update).map(({ start }) => start.getTime());
  return starts.length === 0 ? {} : { releasedAt: new Date(Math.min(...starts)).toISOString() };
}
