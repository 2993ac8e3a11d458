/**
 * What the page may have the host do. It names an endpoint of the contract; the call goes out with the certificate of whoever
 * started `apiclient console`, so the host's own roles hold, and this list on top of them.
 */
import { z } from "zod";
import type { Client } from "../../api/client/client.ts";
import { jsonOf } from "../../api/client/refusal.ts";
import { endpoints, type EndpointName } from "../../api/endpoints/contract.ts";
import { Failure } from "../../lib/failure.ts";
import type { ForwardedCall } from "../view.ts";
import type { Veil } from "./veil.ts";

/** Look, and change nothing. A plan is a POST for its body alone. */
const looks = ["explainUpdates", "plan", "getAffectedServices"] as const satisfies readonly EndpointName[];
/** Only of a page that was opened with --write. */
const deeds = [
  "changeSettings",
  "confirm",
  "revert",
  "undo",
  "refreshUpdates",
  "prepareUpdate",
  "activateUpdate",
  "deactivateUpdate",
  "releaseUpdate",
  "reboot",
] as const satisfies readonly EndpointName[];

export type CallableName = (typeof looks)[number] | (typeof deeds)[number];

export type Answered = { status: number; body: unknown };

const forwardedCall = z.strictObject({
  query: z.record(z.string(), z.string()).optional(),
  body: z.unknown().optional(),
});

export function isDeed(name: string): boolean {
  return deeds.some((deed) => deed === name);
}

/**
 * The host's own answer and status, without secrets.
 *
 * @throws {Failure<"forbidden">} for what this page may not do
 */
export async function forward(
  { client, veil, mayWrite }: { client: Client; veil: Veil; mayWrite: boolean },
  name: string,
  text: string,
  signal: AbortSignal,
): Promise<Answered> {
  const callable = [...looks, ...deeds].find((known) => known === name);
  if (callable === undefined) throw new Failure("forbidden", `cannot call ${name.slice(0, 100)}: no page needs it`);
  if (isDeed(callable) && !mayWrite) {
    throw new Failure("forbidden", "cannot change anything: this page was opened for looking", {
      hint: "`apiclient console --write` opens one that may change settings",
    });
  }
  const { query = {}, body }: ForwardedCall = forwardedCall.parse(jsonOf(text));
  const { method, path } = endpoints[callable];
  const parameters = new URLSearchParams(query).toString();
  const answer = await client.raw({
    method,
    target: parameters === "" ? path : `${path}?${parameters}`,
    headers: { accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
  });
  return { status: answer.status, body: veil.answer(answer.status === 204 ? null : jsonOf(answer.body)) };
}
