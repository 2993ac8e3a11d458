/** Hosts outside of clusters, by their remote API. */
import { readFile } from "node:fs/promises";
import { connect } from "../../api/client/client.ts";
import type { UpdateExplanation } from "../../api/status.ts";
import { hostAddress } from "../../host/commands/apiclient/address.ts";
import { messageOf } from "../../lib/failure.ts";

export type HostLine = {
  name: string;
  version: string | undefined;
  /** Its subject is the host. */
  sentence: string;
  details?: string[];
};

const limitMs = 15_000;

/** @param file names of contexts, one on a line; what stands behind `#` is a comment */
export async function hostLines(file: string, signal: AbortSignal): Promise<HostLine[]> {
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.replace(/#.*/, "").trim());
  const names = lines.filter((line) => line !== "");
  return await Promise.all(names.map(async (name) => await hostLine(name, signal)));
}

/** One that does not answer is a line too. */
async function hostLine(name: string, signal: AbortSignal): Promise<HostLine> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  try {
    const host = connect(await hostAddress({ context: name }));
    const { os, update } = await host.call("getStatus", { signal: inTime });
    if (update?.stage === "on-trial") {
      return {
        name,
        version: os.version_id,
        sentence: `runs ${update.version} on trial: ${update.missing.join("; ")}`,
      };
    }
    const explanation = await host.call("explainUpdates", { signal: inTime });
    return { name, version: os.version_id, ...standingOf(explanation) };
  } catch (error) {
    signal.throwIfAborted();
    return { name, version: undefined, sentence: `does not answer: ${messageOf(error)}` };
  }
}

/** Newer versions first: the first one that is held by anything but being no newer tells why nothing happens. */
export function standingOf({ running, chosen, versions }: UpdateExplanation): Pick<HostLine, "sentence" | "details"> {
  const details = versions.map(
    ({ version, holds }) => `${version}: ${holds.length === 0 ? "may be taken" : reasonsOf(holds)}`,
  );
  if (chosen !== undefined) return { sentence: `may take ${chosen} now`, details };
  const newer = versions.find(({ holds }) => holds.every(({ kind }) => kind !== "not-newer"));
  if (newer === undefined) return { sentence: `runs ${running.version}, and nothing newer is offered to it`, details };
  return { sentence: `waits for ${newer.version}: ${reasonsOf(newer.holds)}`, details };
}

function reasonsOf(holds: UpdateExplanation["versions"][number]["holds"]): string {
  return holds.map((hold) => hold.says).join("; ");
}
