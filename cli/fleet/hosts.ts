/** Hosts outside of clusters, by their remote API. */
import { readFile } from "node:fs/promises";
import { connect } from "../../api/client/client.ts";
import type { UpdateExplanation } from "../../api/status.ts";
import { hostAddress } from "../../host/commands/apiclient/address.ts";
import type { NodePicture } from "../../cluster/picture/fleet-picture.ts";
import { messageOf } from "../../lib/failure.ts";

/** As a node of no policy; `details` has a line for each version that is offered. */
export type HostLine = NodePicture & { details?: string[] };

type HostStanding = Pick<HostLine, "cause" | "sentence" | "details" | "target" | "until">;

const limitMs = 15_000;

/** @param file names of contexts, one on a line; what stands behind `#` is a comment */
export async function hostLines(file: string, signal: AbortSignal): Promise<HostLine[]> {
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.replace(/#.*/, "").trim());
  const names = lines.filter((line) => line !== "");
  return await Promise.all(names.map(async (name) => await hostLine(name, signal)));
}

/** One that does not answer is a line too. */
async function hostLine(name: string, signal: AbortSignal): Promise<HostLine> {
  const unplaced = { name, policy: "", zone: "", step: "Idle" } as const;
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    const host = connect(await hostAddress({ context: name }));
    const { os, update } = await host.call("getStatus", { signal: inTime });
    if (update?.stage === "on-trial") {
      const sentence = `runs ${update.version} on trial: ${update.missing.join("; ")}`;
      return { ...unplaced, version: os.version_id, cause: "on-trial", sentence };
    }
    const explanation = await host.call("explainUpdates", { signal: inTime });
    return { ...unplaced, version: os.version_id, ...standingOf(explanation) };
  } catch (error) {
    signal.throwIfAborted();
    const sentence = `does not answer: ${messageOf(error)}`;
    return { ...unplaced, version: undefined, cause: "no-report", sentence };
  }
}

/** Newer versions first: the first one that is held by anything but being no newer tells why nothing happens. */
export function standingOf({ running, chosen, versions }: UpdateExplanation): HostStanding {
  const details = versions.map(
    ({ version, holds }) => `${version}: ${holds.length === 0 ? "may be taken" : reasonsOf(holds)}`,
  );
  if (chosen !== undefined) {
    return { cause: "next", target: chosen, sentence: `may take ${chosen} now`, details };
  }
  const newer = versions.find(({ holds }) => holds.every(({ kind }) => kind !== "not-newer"));
  if (newer === undefined) {
    const sentence = `runs ${running.version}, and nothing newer is offered to it`;
    return { cause: "up-to-date", sentence, details };
  }
  const sentence = `waits for ${newer.version}: ${reasonsOf(newer.holds)}`;
  return { ...heldBy(newer.holds), target: newer.version, sentence, details };
}

type Holds = UpdateExplanation["versions"][number]["holds"];

/** In the words of a fleet. */
function heldBy(holds: Holds): Pick<HostStanding, "cause" | "until"> {
  if (holds.some(({ kind }) => kind === "failed-before")) return { cause: "failed" };
  const wave = holds.find(({ kind }) => kind === "wave");
  if (wave === undefined) return { cause: "forbidden" };
  return { cause: "wave", ...(wave.opensAt === undefined ? {} : { until: wave.opensAt }) };
}

function reasonsOf(holds: Holds): string {
  return holds.map((hold) => hold.says).join("; ");
}
