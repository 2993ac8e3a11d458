/** Changes are staged in a transaction of their own, which is then committed, tried or only planned. */
import { randomBytes } from "node:crypto";
import type { Applied, Plan } from "../../../api/answers.ts";
import type { Client } from "../../../api/client.ts";
import { isFailure } from "../../../lib/failure.ts";
import type { ApiContext } from "./context.ts";

/** Stages in transaction `tx` and returns what the history should say about it. */
export type Stage = (api: Client, tx: string) => Promise<string>;

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
    const says = await stage(api, tx);
    const trial = trySeconds === undefined ? {} : { try: trySeconds };
    return await api.commitAndWait({ tx, message: message ?? says.slice(0, 200), ...trial }, context.signal);
  });
}

/** What committing would do. Nothing stays staged. */
export async function planStaged(context: ApiContext, stage: Stage): Promise<Plan> {
  return await withTransaction(context, async (api, tx) => {
    await stage(api, tx);
    try {
      return await api.call("plan", { query: { tx }, signal: context.signal });
    } finally {
      await drop(api, tx);
    }
  });
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
