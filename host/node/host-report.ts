/** What this host tells its fleet about itself: pure, from what was found out. */
import { type HostReport, mostOffers, type Offer } from "../../api/fleet/host-report.ts";
import type { UpdateExplanation, UpdateStatusBody } from "../../api/status.ts";
import type { UpdateOutlook } from "../update/updater.ts";

/** Of one text in the report: the whole annotation is to stay small. */
const longestText = 500;
const mostHeld = 8;

export type ReportedHost = {
  boot: string;
  running: { version: string; variant: string; arch: string };
  seed: number;
  outlook: UpdateOutlook;
  offers: readonly Offer[];
  /** Why it is not known which versions there are. */
  lookFailure: string | undefined;
  accepted: string | undefined;
  refused: { order: string; reason: string } | undefined;
  /** Takes secrets out of a text: whoever may read Nodes reads the report. */
  mask: (text: string) => string;
};

const stateNames = { idle: "Idle", available: "Available", staged: "Staged", ready: "Ready" } as const;

export function reportOf(host: ReportedHost): HostReport {
  const { boot, running, seed, outlook, offers, lookFailure, accepted, refused, mask } = host;
  const shown = (text: string): string => short(mask(text));
  const { state, onTrial, fallback, working, failure, held } = outlook;
  const staged = "staged" in state ? state.staged.version : undefined;
  const lastFailure = failure ?? lookFailure;
  return {
    boot,
    ...running,
    seed,
    state: stateNames[state.kind],
    offers: offers.slice(0, mostOffers),
    ...(staged === undefined ? {} : { staged }),
    ...(fallback === undefined ? {} : { fallback }),
    onTrial,
    held: held.slice(-mostHeld).map(({ version, reason }) => ({ version, reason: shown(reason) })),
    ...(accepted === undefined ? {} : { accepted }),
    ...(refused === undefined ? {} : { refused: { ...refused, reason: shown(refused.reason) } }),
    ...(working === undefined ? {} : { activity: activityOf(working) }),
    ...(lastFailure === undefined ? {} : { failure: shown(lastFailure) }),
  };
}

/** Versions that nothing but their wave holds. */
export function offersOf({ versions }: Pick<UpdateExplanation, "versions">): Offer[] {
  return versions
    .filter(({ holds }) => holds.every(({ kind }) => kind === "wave"))
    .map(({ version, holds: [wave], releasedAt }) => ({
      version,
      ...(wave?.opensAt === undefined ? {} : { opensAt: new Date(wave.opensAt) }),
      ...(releasedAt === undefined ? {} : { releasedAt: new Date(releasedAt) }),
    }));
}

type Working = NonNullable<UpdateOutlook["working"]>;
type Verb = Record<NonNullable<UpdateStatusBody["progress"]>["step"], string>;
const verbs: Verb = { look: "looks for updates", download: "downloads", verify: "reads back" };

function activityOf({ step, pace }: Working): string {
  if (pace === undefined || pace.totalBytes === 0) return verbs[step];
  return `${verbs[step]}, ${Math.floor((100 * pace.doneBytes) / pace.totalBytes)} %`;
}

function short(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText - 1)}…`;
}
