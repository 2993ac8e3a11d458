/** When this host will see which version, and what holds the others: the answer to `apiclient update explain`. */
import type { UpdateExplanation } from "../../api/status.ts";
import { defined } from "../../lib/defined.ts";
import { wavesOfUpdate, type Manifest } from "../../repo/manifest.ts";
import { chosen, describeHold, type RepositoryVersion } from "./choice.ts";
import { updateIn, type Look } from "./look.ts";
import type { UpdateImage } from "./state.ts";

export function explanationOf(
  { trusted, versions, view }: Look,
  host: Pick<UpdateExplanation, "proved" | "held"> & { running: UpdateImage },
): UpdateExplanation {
  const { running, proved, held } = host;
  return {
    running,
    proved,
    seed: view.seed,
    ...defined({ chosen: chosen(versions) }),
    versions: versions.map(({ version, holds }) => ({
      version,
      ...releasedAt(updateIn(trusted.manifest, running, version)),
      holds: holdsOf(holds),
    })),
    held,
    checkedAt: view.now.toISOString(),
    metadataExpires: trusted.expires.toISOString(),
  };
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
