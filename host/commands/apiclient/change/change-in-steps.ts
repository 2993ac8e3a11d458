/**
 * A change of settings on a host that does not take it in one request: staged in a transaction of its own, then
 * committed or tried. A client meets such hosts while a fleet is updated.
 */
import { randomBytes } from "node:crypto";
import type { Applied, PlanRequest } from "../../../../api/answers.ts";
import type { Client } from "../../../../api/client/client.ts";
import { afterFailure, explain, isFailure } from "../../../../lib/failure.ts";
import type { ClientContext } from "../context.ts";

/** Nothing stays staged when it fails. */
export async function changeInSteps(
  context: ClientContext,
  api: Client,
  { set, pairs, delete: keys }: PlanRequest,
  commit: { message: string; try?: number },
): Promise<Applied> {
  const tx = `apiclient-${randomBytes(8).toString("hex")}`;
  let isStaged = false;
  const staging = async (request: Promise<unknown>): Promise<void> => {
    await request;
    isStaged = true;
  };
  try {
    if (keys !== undefined) await staging(api.call("deleteSettings", { query: { keys, tx } }));
    if (set !== undefined) await staging(api.call("patchSettings", { query: { tx }, body: set }));
    if (pairs !== undefined)
      await staging(api.call("patchKeypair", { query: { tx }, body: { request_payload: pairs } }));
    return await api.commitAndWait({ tx, ...commit }, context.signal);
  } catch (error) {
    throw await afterFailure(error, async () => {
      if (isStaged && !isFailure(error, "cannot-connect")) await drop(context, api, tx);
    });
  }
}

/** Why the change failed is what the person reads; that something stayed staged is said beside it. */
async function drop({ invocation }: ClientContext, api: Client, tx: string): Promise<void> {
  try {
    await api.call("dropTransaction", { query: { tx } });
  } catch (error) {
    invocation.note(`apiclient: transaction ${tx} stays staged: ${explain(error)}`);
  }
}
