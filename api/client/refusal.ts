/** What a host's refusal says, on the client's side. */
import { defined } from "../../lib/defined.ts";
import { isFailure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import { refusal } from "../answers.ts";
import { isApiCode } from "../codes.ts";
import { Refused } from "./refused.ts";
import type { HttpAnswer, HttpRequest } from "./transport.ts";

export function refusedBy(
  answer: Pick<HttpAnswer, "status" | "body">,
  { method, target }: Pick<HttpRequest, "method" | "target">,
): Refused {
  const parsed = refusal.safeParse(jsonOf(answer.body));
  if (parsed.success) {
    const { code: sent, message, hint, problems = [] } = parsed.data;
    // A host that is newer than this client may have codes that this one does not know; its words say enough.
    const code = isApiCode(sent) ? sent : "refused";
    return new Refused(code, message, { status: answer.status, problems, ...defined({ hint }) });
  }
  const words = answer.body.trim().slice(0, 2000) || "no reason was given";
  return new Refused("refused", `cannot ${method} ${target}: status ${answer.status}: ${words}`, {
    status: answer.status,
  });
}

/** Undefined for what is no JSON: an older or foreign server answers errors as plain text. */
export function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (isFailure(error, "bad-json")) return undefined;
    throw error;
  }
}
