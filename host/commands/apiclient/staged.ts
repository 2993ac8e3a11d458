/** Changes are staged in a transaction of their own, which is then committed, tried or only planned. */
import { randomBytes } from "node:crypto";
import type { Applied, Plan } from "../../../api/answers.ts";
import type { Client } from "../../../api/client.ts";
import { Refused } from "../../../api/refused.ts";
import { isFailure } from "../../../lib/failure.ts";
import type { ApiContext } from "./context.ts";

/** Stages in transaction `tx`. */
export type Stage = (api: Client, tx: string) => Promise<Staged>;

export type Staged = {
  /** What the history should say about the change. */
  says: string;
  /** Adds to a refusal where in the person's own text each problem is. */
  locate?: (refusal: Refused) => Refused;
};

export const messageOption = {
  message: { type: "text", value: "TEXT", help: "What the history says about this change" },
} as const;

type CommitOptions = { message: string | undefined; trySeconds?: number };

/** Commits, applies, and waits for the result. */
export async function commitStaged(
  context: ApiContext,
  stage: Stage,
  { message, trySeconds }: CommitOptions,
): Promise<Applied> {
  return await withTransaction(context, async (api, tx) => {
    const staged = await stage(api, tx);
    const trial = trySeconds === undefined ? {} : { try: trySeconds };
    const query = { tx, message: message ?? staged.says.slice(0, 200), ...trial };
    return await located(staged, api.commitAndWait(query, context.signal));
  });
}

/** What committing would do. Nothing stays staged. */
export async function planStaged(context: ApiContext, stage: Stage): Promise<Plan> {
  return await withTransaction(context, async (api, tx) => {
    const staged = await stage(api, tx);
    const plan = await located(staged, api.call("plan", { query: { tx }, signal: context.signal }));
    await drop(api, tx);
    return plan;
  });
}

async function located<Result>({ locate }: Staged, request: Promise<Result>): Promise<Result> {
  try {
    return await request;
  } catch (error) {
    throw error instanceof Refused && locate !== undefined ? locate(error) : error;
  }
}

/** Leaves nothing staged when `use` fails. */
async function withTransaction<Result>(
  context: ApiContext,
  use: (api: Client, tx: string) => Promise<Result>,
): Promise<Result> {
  const api = await context.api();
  const tx = `apiclient-${randomBytes(8).toString("hex")}`;
  try {
    return await use(api, tx);
  } catch (error) {
    if (!isFailure(error, "cannot-connect")) await drop(api, tx);
    throw error;
  }
}

async function drop(api: Client, tx: string): Promise<void> {
  await api.call("dropTransaction", { query: { tx } });
}
