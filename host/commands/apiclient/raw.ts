/** `apiclient raw`: one HTTP request as it is. */
import type { HttpAnswer } from "../../../api/client/transport.ts";
import { Failure } from "../../../lib/failure.ts";
import { apiCommand, type ClientContext } from "./context.ts";

export const raw = apiCommand({
  name: "raw",
  summary: "Send one request and print the answer's body",
  description: "This is what `apiclient -u URI` without a command does, too.",
  examples: [
    { run: "apiclient raw -u /os", description: "GET" },
    { run: "apiclient raw -m POST -u '/tx/commit_and_apply?tx=mine'", description: "POST" },
    { run: "apiclient raw -m PATCH -u '/settings?tx=mine' -d '{\"motd\": \"hi\"}'", description: "with a body" },
  ],
  options: {
    uri: { type: "text", value: "URI", help: "Path and query", short: "u", required: true },
    method: { type: "text", value: "METHOD", help: "HTTP method", short: "m", alsoShort: "X", default: "GET" },
    data: { type: "text", value: "DATA", help: "Body of the request", short: "d" },
  },
  async run(context, { uri, method, data }) {
    const { body } = await request(context, method, uri, data);
    return body === "" ? undefined : body;
  },
});

/** @throws {Failure<"refused">} when the status is no success */
export async function request(
  { api, signal, verbose, invocation }: ClientContext,
  method: string,
  uri: string,
  body?: string,
): Promise<HttpAnswer> {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await (await api()).raw({ method, target: uri, headers, body, signal });
  if (verbose) invocation.note(`${method} ${uri}: status ${answer.status}`);
  if (answer.status >= 200 && answer.status <= 299) return answer;
  // Bottlerocket's sentence, letter by letter: its update operator looks for the status in it.
  const status = `Status ${answer.status} when ${method}ing ${uri}: ${answer.body.trim()}`;
  throw new Failure("refused", `Failed ${method} request to '${uri}': ${status}`);
}
