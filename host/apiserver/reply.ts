/** Answers on the wire: JSON for values, nothing for 204, and refusals as text or JSON as the client asks. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Refusal } from "../../api/answers.ts";
import { Refused } from "../../api/refused.ts";
import { Failure } from "../../lib/failure.ts";
import { describeProblem } from "../../settings/problem.ts";
import { statusOf } from "./statuses.ts";

/** An answer that is serialised already, and kept because it is asked for often. */
export class Prepared {
  readonly text: string;
  readonly headers: { "content-type": string; "content-length": string };

  constructor(value: unknown) {
    this.text = JSON.stringify(value);
    this.headers = jsonHeaders(this.text);
  }
}

export function reply(response: ServerResponse, answer: unknown): void {
  if (answer === undefined) {
    response.writeHead(204).end();
    return;
  }
  const { headers, text } = answer instanceof Prepared ? answer : new Prepared(answer);
  response.writeHead(200, headers).end(text);
}

/** The status that was sent. */
export function replyRefusal(request: IncomingMessage, response: ServerResponse, error: unknown): number {
  const status = statusOf(error);
  if (response.headersSent) {
    response.destroy();
    return status;
  }
  const body = refusalOf(error);
  const asJson = /\bapplication\/json\b/.test(request.headers.accept ?? "");
  const text = asJson ? JSON.stringify(body) : `${textOf(body)}\n`;
  response.writeHead(status, {
    ...(asJson ? jsonHeaders(text) : textHeaders(text)),
    ...(status === 503 ? { "retry-after": "1" } : {}),
  });
  response.end(text);
  return status;
}

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof Failure)) {
    return { code: "bug", message: "cannot answer: the host has a bug", hint: "its journal says more" };
  }
  const { code, hint } = error;
  return {
    code,
    message: messageOf(error),
    ...(hint === undefined ? {} : { hint }),
    ...(error instanceof Refused && error.problems.length > 0 ? { problems: [...error.problems] } : {}),
  };
}

/** With the reasons below it, as long as they are failures too: system errors may name what is nobody's business. */
function messageOf(error: Failure): string {
  const cause: unknown = error.cause;
  return cause instanceof Failure ? `${error.message}: ${messageOf(cause)}` : error.message;
}

function textOf({ message, hint, problems = [] }: Refusal): string {
  const lines = [message, ...problems.map(describeProblem)];
  if (hint !== undefined) lines.push(`hint: ${hint}`);
  return lines.join("\n");
}

const jsonHeaders = (text: string) => headersOf("application/json", text);
const textHeaders = (text: string) => headersOf("text/plain; charset=utf-8", text);
const headersOf = (type: string, text: string) => ({
  "content-type": type,
  "content-length": String(Buffer.byteLength(text)),
});
