/** Answers on the wire: JSON for values, nothing for 204, and refusals as text or JSON as the client asks. */
import { open, type FileHandle } from "node:fs/promises";
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Refusal } from "../../../api/answers.ts";
import { isApiCode, statuses } from "../../../api/codes.ts";
import { Refused } from "../../../api/client/refused.ts";
import { defined } from "../../../lib/defined.ts";
import { Failure, firstError } from "../../../lib/failure.ts";
import { mapTexts } from "../../../lib/text/texts.ts";
import { describeProblem } from "../../../settings/model/problem.ts";

/** An answer that is serialised already, and kept because it is asked for often. */
export class PreparedReply {
  readonly text: string;
  readonly headers: { "content-type": string; "content-length": string };

  constructor(value: unknown) {
    this.text = JSON.stringify(value);
    this.headers = jsonHeaders(this.text);
  }
}

/** A list that may be long: its entries are made one after the other, as the client takes them. */
export class JsonList<Entry> {
  readonly entries: AsyncIterable<Entry>;

  constructor(entries: AsyncIterable<Entry>) {
    this.entries = entries;
  }
}

/** Text in place of JSON, each line with its line end. */
export class TextReply {
  readonly text: string;
  readonly headers: { "content-type": string; "content-length": string };

  constructor(lines: readonly string[], type: string) {
    this.text = lines.map((line) => `${line}\n`).join("");
    this.headers = headersOf(type, this.text);
  }
}

/** An answer that is a file of the host, too large to hold in memory. It is open, so that nobody can take it away. */
export class FileAnswer implements AsyncDisposable {
  readonly file: FileHandle;
  readonly type: string;

  private constructor(file: FileHandle, type: string) {
    this.file = file;
    this.type = type;
  }

  static async open(path: string, type: string): Promise<FileAnswer> {
    return new FileAnswer(await open(path), type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close();
  }
}

/** @param progressed called as the client takes it */
export async function replyFile(response: ServerResponse, answer: FileAnswer, progressed: () => void): Promise<void> {
  await using opened = answer;
  const { file, type } = opened;
  const { size } = await file.stat();
  response.writeHead(200, { "content-type": type, "content-length": String(size) });
  const counted = async function* (parts: AsyncIterable<Buffer>) {
    for await (const part of parts) {
      progressed();
      yield part;
    }
  };
  await pipeline(file.createReadStream({ autoClose: false }), counted, response);
}

/** @param progressed called as the client takes it */
export async function replyList(
  response: ServerResponse,
  { entries }: JsonList<unknown>,
  progressed: () => void,
): Promise<void> {
  const parts = partsOf(entries);
  // What cannot be read at all is still refused with a status.
  const first = await parts.next();
  response.writeHead(200, { "content-type": "application/json" });
  const all = async function* () {
    if (first.done !== true) yield first.value;
    for await (const part of parts) {
      progressed();
      yield part;
    }
  };
  await pipeline(all, response);
}

/** Each has some tens of kilobytes, or one entry. */
async function* partsOf(entries: AsyncIterable<unknown>): AsyncGenerator<string, undefined> {
  let part = "[";
  let isFirst = true;
  for await (const entry of entries) {
    part += `${isFirst ? "" : ","}${JSON.stringify(entry)}`;
    isFirst = false;
    if (part.length < partCharacters) continue;
    yield part;
    part = "";
  }
  yield `${part}]`;
}
const partCharacters = 32 * 1024;

/** An answer as it goes out; nothing for none. */
export function writtenAnswer(answer: unknown): PreparedReply | TextReply | undefined {
  if (answer === undefined || answer instanceof PreparedReply || answer instanceof TextReply) return answer;
  return new PreparedReply(answer);
}

export function reply(response: ServerResponse, answer: PreparedReply | TextReply | undefined): void {
  if (answer === undefined) {
    response.writeHead(204).end();
    return;
  }
  const { headers, text } = answer;
  // Otherwise header and body are two writes, and two wake-ups of the client.
  response.socket?.cork();
  response.writeHead(200, headers).end(text);
  response.socket?.uncork();
}

/** The status that was sent. */
export function replyRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
  mask: (text: string) => string,
): number {
  const { status, headers, text } = refusalFor(request, error, mask);
  if (response.headersSent) response.destroy();
  else response.writeHead(status, headers).end(text);
  return status;
}

/** The same where HTTP has let go of the connection already. */
export function refuseUpgrade(request: IncomingMessage, socket: Duplex, error: unknown): number {
  const { status, headers, text } = refusalFor(request, error, (message) => message);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${text}`);
  return status;
}

function refusalFor(
  request: IncomingMessage,
  error: unknown,
  mask: (text: string) => string,
): { status: number; headers: Record<string, string>; text: string } {
  const first = firstError(error);
  const status = statusOf(first);
  const body = mapTexts(refusalOf(first), mask);
  const asJson = /\bapplication\/json\b/.test(request.headers.accept ?? "");
  const text = asJson ? JSON.stringify(body) : `${textOf(body)}\n`;
  const headers = { ...(asJson ? jsonHeaders(text) : textHeaders(text)), ...furtherHeaders[status] };
  return { status, headers, text };
}

/** Whatever has no status is a bug or a broken machine. */
export function statusOf(error: unknown): number {
  return error instanceof Failure && isApiCode(error.code) ? statuses[error.code] : 500;
}

const furtherHeaders: Readonly<Record<number, Record<string, string>>> = {
  426: { upgrade: "websocket" },
  503: { "retry-after": "1" },
};

function refusalOf(error: unknown): Refusal {
  if (!(error instanceof Failure)) {
    return { code: "bug", message: "cannot answer: the host has a bug", hint: "its journal says more" };
  }
  const { code, hint } = error;
  return {
    code,
    message: messageOf(error),
    ...defined({ hint }),
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
