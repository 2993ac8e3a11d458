/** Hosts outside of clusters, by their remote API. */
import { readFile } from "node:fs/promises";
import { connect, type Client } from "../../api/client/client.ts";
import { Refused } from "../../api/client/refused.ts";
import type { UpdateExplanation } from "../../api/status.ts";
import { hostAddress } from "../../host/commands/apiclient/address.ts";
import type { NodePicture } from "../../cluster/picture/fleet-picture.ts";
import { messageOf } from "../../lib/failure.ts";

/** As a node of no policy; `details` has a line for each version that is offered. */
export type HostLine = NodePicture & { details?: string[] };

type HostStanding = Pick<HostLine, "cause" | "sentence" | "details" | "target" | "until">;

const limitMs = 15_000;

/** @param file names of contexts, one on a line; what stands behind `#` is a comment */
export async function hostNames(file: string): Promise<string[]> {
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.replace(/#.*/, "").trim());
  return lines.filter((line) => line !== "");
}

/** Asks one host, by its context. */
export async function reachHost<Answer>(
  name: string,
  signal: AbortSignal,
  ask: (host: Client, inTime: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  return await ask(connect(await hostAddress({ context: name })), inTime);
}

/** @param file as `hostNames` reads it */
export async function hostLines(file: string, signal: AbortSignal): Promise<HostLine[]> {
  return await Promise.all((await hostNames(file)).map(async (name) => await hostLine(name, signal)));
}

/** One that does not answer is a line too. */
async function hostLine(name: string, signal: AbortSignal): Promise<HostLine> {
  const unplaced = { name, policy: "", zone: "", step: "Idle" } as const;
  try {
    return await reachHost(name, signal, async (host, inTime) => {
      const { os, update } = await host.call("getStatus", { signal: inTime });
      const known = { ...unplaced, version: os.version_id };
      if (update?.stage === "on-trial") {
        const sentence = `runs ${update.version} on trial: ${update.missing.join("; ")}`;
        return { ...known, cause: "on-trial", sentence };
      }
      return { ...known, ...(await explained(host, inTime)) };
    });
  } catch (error) {
    signal.throwIfAborted();
    const sentence = `does not answer: ${messageOf(error)}`;
    return { ...unplaced, version: undefined, cause: "no-report", sentence };
  }
}

/** A host whose repository cannot be asked answers all the same, and says why. */
async function explained(host: Client, signal: AbortSignal): Promise<HostStanding> {
  try {
    return standingOf(await host.call("explainUpdates", { signal }));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { cause: "no-report", sentence: `does not know what it may take: ${error.message}` };
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
