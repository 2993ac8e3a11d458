/** Calls an endpoint of the host by its name in the contract; the types are those of the contract. */
import type { Refusal } from "../../api/answers.ts";
import type { endpoints } from "../../api/endpoints/contract.ts";
import type { AnswerOf, BodyOf } from "../../api/endpoints/endpoint.ts";
import type { CallableName } from "../server/calls.ts";
import type { ForwardedCall } from "../view.ts";

type Table = typeof endpoints;

/** The host, or the program that serves this page, would not do it. */
export class RefusedCall extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** @throws {RefusedCall} */
export async function call<Name extends CallableName>(
  name: Name,
  input: { query?: ForwardedCall["query"]; body?: BodyOf<Table[Name]> } = {},
): Promise<AnswerOf<Table[Name]>> {
  const response = await fetch(`call/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(input),
  });
  const body: unknown = await response.json();
  // The host answers as the contract says: its own tests hold that.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  if (response.ok) return body as AnswerOf<Table[Name]>;
  throw new RefusedCall(isRefusal(body) ? body : { code: "refused", message: `status ${response.status}` });
}

function isRefusal(body: unknown): body is Refusal {
  return typeof body === "object" && body !== null && "message" in body && typeof body.message === "string";
}

/** What went wrong, for a person. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof RefusedCall) return error.refusal;
  return {
    code: "unreachable",
    message: `cannot reach \`apiclient console\`: ${String(error)}`,
    hint: "it may have ended; start it again",
  };
}
