/** Why nothing is done with a node, or what is waited for while something is: a cause, and a sentence about it. */
import { formatDuration } from "../../lib/duration.ts";
import { unreachable } from "../../lib/failure.ts";

export type Wait =
  /** `forbidden`: what it would run, did the policy not forbid it. */
  | { cause: "up-to-date"; version: string; forbidden?: string }
  | { cause: "no-report" }
  | { cause: "leaving" }
  | { cause: "not-selected" }
  | { cause: "cordoned" }
  | { cause: "not-ready"; since: Date }
  | { cause: "on-trial"; version: string }
  | { cause: "failed"; version: string; reason: string }
  | { cause: "forbidden"; version: string }
  | { cause: "not-offered"; version: string; running: string }
  | { cause: "wave"; version: string; opensAt: Date }
  | { cause: "minimum-age"; version: string; until: Date }
  | { cause: "retry"; version: string; reason: string; after: Date }
  /** `downloading`: how many others do, where they leave no place. */
  | { cause: "prepare"; version: string; downloading?: number }
  | { cause: "preparing"; version: string; activity: string | undefined }
  | { cause: "deleting" }
  | { cause: "stopped"; reason: string }
  | { cause: "halted"; id: string; node: string; version: string; reason: string }
  | { cause: "paused" }
  | { cause: "window"; opensAt: Date | undefined }
  | { cause: "canary"; version: string; proved: number; wanted: number; busy: string | undefined; eligible: boolean }
  | { cause: "zone"; zone: string }
  | { cause: "budget"; budget: number; claimed: number; away: readonly string[]; awayCount: number }
  | { cause: "self" }
  | { cause: "next"; version: string }
  | { cause: "load-balancer"; until: Date }
  | { cause: "pods"; count: number; example: string; refusal: string | undefined; until: Date }
  | { cause: "volumes"; volumes: readonly string[]; until: Date }
  | { cause: "order"; reason: string | undefined; until: Date }
  | { cause: "reboot"; version: string; until: Date }
  | { cause: "proof"; version: string; reason: string; until: Date }
  | { cause: "soak"; reason: string; until: Date };

export type Cause = Wait["cause"];

const at = (date: Date): string => date.toISOString().replace(/:00\.000Z$|\.\d{3}Z$/, "Z");

/** As it stands in `kubectl get nodeupdates` and in `./orlop fleet explain`, about a node that the reader knows. */
export function sentence(wait: Wait): string {
  switch (wait.cause) {
    case "up-to-date":
      return `runs ${wait.version}, which is what it is to run${wait.forbidden === undefined ? "" : `: the policy forbids ${wait.forbidden}`}`;
    case "no-report":
      return "waits for its host's report: is settings.kubernetes.updates-by-cluster true?";
    case "leaving":
      return "is left alone: it is being deleted, or an autoscaler takes it away";
    case "not-selected":
      return "is left alone: the policy does not select it";
    case "cordoned":
      return "is left alone: somebody has cordoned it (kubectl uncordon lets it go on)";
    case "not-ready":
      return `is not ready since ${at(wait.since)}, and is not drained before it is`;
    case "on-trial":
      return `runs ${wait.version} on trial: its host has not proved healthy yet`;
    case "failed":
      return `keeps away from ${wait.version}, which failed here: ${wait.reason}`;
    case "forbidden":
      return `does not take ${wait.version}: the policy forbids it`;
    case "not-offered":
      return `runs ${wait.running}, and its repository does not offer it ${wait.version}`;
    case "wave":
      return `waits for its wave of ${wait.version}, which opens ${at(wait.opensAt)}`;
    case "minimum-age":
      return `waits until ${at(wait.until)}, when ${wait.version} is as old as the policy asks for`;
    case "retry":
      return `is tried again at ${at(wait.after)}: ${wait.reason}`;
    case "prepare":
      return wait.downloading === undefined
        ? `is the next to download ${wait.version}`
        : `waits to download ${wait.version}: ${wait.downloading} download now, as many as maxPreparing allows`;
    case "preparing":
      return `prepares ${wait.version}${wait.activity === undefined ? "" : `: ${wait.activity}`}`;
    case "deleting":
      return "waits for nothing: the policy is being deleted";
    case "stopped":
      return `waits: the roll-out was stopped by a person: ${wait.reason}`;
    case "halted":
      return `waits: the roll-out is halted since ${wait.node} failed with ${wait.version}: ${wait.reason} (fleet.orlop.dev/resume=${wait.id} lets it go on)`;
    case "paused":
      return "waits: the policy is paused";
    case "window":
      return wait.opensAt === undefined
        ? "waits for a window, and none opens any more"
        : `waits for the window that opens ${at(wait.opensAt)}`;
    case "canary":
      return canarySentence(wait);
    case "zone":
      return `waits for zone ${wait.zone} to be done`;
    case "budget":
      return budgetSentence(wait);
    case "self":
      return "waits for all others: the operator runs on it";
    case "next":
      return `is the next to be claimed for ${wait.version}`;
    case "load-balancer":
      return `is taken out of load balancers, until ${at(wait.until)}`;
    case "pods":
      return `waits for ${wait.count} ${wait.count === 1 ? "pod" : "pods"} to leave, until ${at(wait.until)}: ${wait.example}${wait.refusal === undefined ? "" : `: ${wait.refusal}`}`;
    case "volumes":
      return `waits for volumes to be detached, until ${at(wait.until)}: ${wait.volumes.slice(0, 3).join(", ")}`;
    case "order":
      return `waits for its host to obey, until ${at(wait.until)}${wait.reason === undefined ? "" : `: ${wait.reason}`}`;
    case "reboot":
      return `reboots into ${wait.version}, and must be back by ${at(wait.until)}`;
    case "proof":
      return `runs ${wait.version}, and must prove it by ${at(wait.until)}: ${wait.reason}`;
    case "soak":
      return `soaks until its gates have held, at the latest ${at(wait.until)}: ${wait.reason}`;
    default:
      return unreachable(wait);
  }
}

function canarySentence({ version, proved, wanted, busy, eligible }: Extract<Wait, { cause: "canary" }>): string {
  const done = `${proved} of ${wanted} ${wanted === 1 ? "canary runs" : "canaries run"} ${version}`;
  if (busy !== undefined) return `waits for the canary ${busy}: ${done}`;
  return eligible ? `waits for a canary to be claimed: ${done}` : `waits for canaries, of which it is none: ${done}`;
}

function budgetSentence({ budget, claimed, away, awayCount }: Extract<Wait, { cause: "budget" }>): string {
  const names = away.length === 0 ? "" : ` (${away.join(", ")}${awayCount > away.length ? ", …" : ""})`;
  const elsewhere = awayCount === 0 ? "" : ` and ${awayCount} away for other reasons${names}`;
  return `waits for a place: ${claimed} of ${budget} at work${elsewhere}`;
}

/** A length of time as sentences tell it. */
export function length(ms: number): string {
  return formatDuration(ms / 1000);
}
