/**
 * A change of settings that a person asks for, as data: planned as it is, or staged in a transaction of its own, which is
 * then committed or tried.
 */
import { randomBytes } from "node:crypto";
import type { Applied, Plan, PlanRequest } from "../../../../api/answers.ts";
import type { Client } from "../../../../api/client/client.ts";
import { Refused } from "../../../../api/client/refused.ts";
import { afterFailure, explain, isFailure } from "../../../../lib/failure.ts";
import type { ApiContext } from "../context.ts";

export type Proposal = {
  change: PlanRequest;
  /** What the history tells of the change. */
  message: string;
  /** Adds to a refusal where in the person's own text each problem is. */
  locate?: (refusal: Refused) => Refused;
};

/** What a change is may depend on the host: on the settings that it has. */
export type Propose = (api: Client) => Promise<Proposal>;

export const messageOption = {
  message: { type: "text", value: "TEXT", help: "What the history says about this change" },
} as const;

type CommitOptions = { message: string | undefined; trySeconds?: number };

/** Commits, applies, and waits for the result. Nothing stays staged when that fails. */
export async function commitProposed(
  context: ApiContext,
  propose: Propose,
  { message, trySeconds }: CommitOptions,
): Promise<Applied> {
  const api = await context.api();
  const proposal = await propose(api);
  const tx = `apiclient-${randomBytes(8).toString("hex")}`;
  const trial = trySeconds === undefined ? {} : { try: trySeconds };
  const query = { tx, message: message ?? proposal.message.slice(0, 200), ...trial };
  const { set, pairs, delete: keys } = proposal.change;
  let isStaged = false;
  const staging = async (request: Promise<unknown>): Promise<void> => {
    await request;
    isStaged = true;
  };
  try {
    if (set !== undefined) await staging(api.call("patchSettings", { query: { tx }, body: set }));
    if (pairs !== undefined)
      await staging(api.call("patchKeypair", { query: { tx }, body: { request_payload: pairs } }));
    if (keys !== undefined) await staging(api.call("deleteSettings", { query: { keys, tx } }));
    return await located(proposal, api.commitAndWait(query, context.signal));
  } catch (error) {
    throw await afterFailure(error, async () => {
      if (isStaged && !isFailure(error, "cannot-connect")) await drop(context, api, tx);
    });
  }
}

/** What committing would do. Nothing is staged, so whoever may plan can. */
export async function planProposed(context: ApiContext, propose: Propose): Promise<Plan> {
  const api = await context.api();
  const proposal = await propose(api);
  return await located(proposal, api.call("plan", { body: proposal.change, signal: context.signal }));
}

async function located<Result>({ locate }: Proposal, request: Promise<Result>): Promise<Result> {
  try {
    return await request;
  } catch (error) {
    throw error instanceof Refused && locate !== undefined ? locate(error) : error;
  }
}

/** Why the change failed is what the person reads; that something stayed staged is said beside it. */
async function drop({ invocation }: ApiContext, api: Client, tx: string): Promise<void> {
  try {
    await api.call("dropTransaction", { query: { tx } });
  } catch (error) {
    invocation.note(`apiclient: transaction ${tx} stays staged: ${explain(error)}`);
  }
}
