/** A change of settings that a person asks for, as data: planned, made or tried, each in one request. */
import type { Applied, Plan, PlanRequest } from "../../../../api/answers.ts";
import type { Client } from "../../../../api/client/client.ts";
import { Refused } from "../../../../api/client/refused.ts";
import { KeptConnection } from "../../../../api/client/transport.ts";
import { defined } from "../../../../lib/defined.ts";
import { isFailure } from "../../../../lib/failure.ts";
import type { ClientContext } from "../context.ts";
import { changeInSteps } from "./change-in-steps.ts";

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

const messageLength = 200;

type CommitOptions = { message: string | undefined; trySeconds?: number };

/** Commits, applies, and waits for the result. */
export async function commitProposed(
  context: ClientContext,
  propose: Propose,
  { message: requested, trySeconds }: CommitOptions,
): Promise<Applied> {
  return await withProposal(context, propose, async (api, { change, message: usual }) => {
    const message = requested ?? usual.slice(0, messageLength).toWellFormed();
    const trial = defined({ try: trySeconds });
    try {
      const query = { wait: true, ...trial };
      return await api.call("changeSettings", { query, body: { ...change, message }, signal: context.signal });
    } catch (error) {
      if (!isFailure(error, "no-such-endpoint")) throw error;
      return await changeInSteps(context, api, change, { message, ...trial });
    }
  });
}

/** What committing would do. Nothing is staged, so the role that may plan is enough. */
export async function planProposed(context: ClientContext, propose: Propose): Promise<Plan> {
  const { signal } = context;
  return await withProposal(context, propose, async (api, { change }) => api.call("plan", { body: change, signal }));
}

/** All that is asked of the host goes over one connection. */
async function withProposal<Result>(
  { apiOver }: ClientContext,
  propose: Propose,
  request: (api: Client, proposal: Proposal) => Promise<Result>,
): Promise<Result> {
  using connection = new KeptConnection();
  const api = await apiOver(connection);
  const proposal = await propose(api);
  try {
    return await request(api, proposal);
  } catch (error) {
    if (error instanceof Refused && error.problems.length > 0) throw proposal.locate?.(error) ?? error;
    throw error;
  }
}
