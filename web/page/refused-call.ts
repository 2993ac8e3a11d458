/** What a page is told when something was not done. */
import type { Refusal } from "../../api/answers.ts";

/** The host, the cluster, or the program that serves this page, would not do it. */
export class RefusedCall extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** Posts JSON to a path of the page; its answer. @throws {RefusedCall} */
export async function post(path: string, input: unknown): Promise<unknown> {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(input),
  });
  const body: unknown = await response.json();
  if (response.ok) return body;
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
    message: `cannot reach the program that serves this page: ${String(error)}`,
    hint: "it may have ended; start it again",
  };
}
