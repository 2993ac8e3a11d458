/** `apiclient get`: settings and what else the host tells about itself. */
import { isFailure } from "../../../lib/failure.ts";
import { isJsonObject, parseJson, type Json, type JsonObject } from "../../../lib/text/json.ts";
import { usageFailure } from "../../../lib/command/command.ts";
import { splitKey } from "../../../settings/model/key.ts";
import { apiCommand, type ClientContext } from "./context.ts";
import { fullPrefix, settingKeys } from "./keys.ts";
import { request } from "./raw.ts";

export const get = apiCommand({
  name: "get",
  summary: "Print settings and facts about the host as JSON",
  description: "Without a prefix, all settings and what is known of the OS. Defaults are included.",
  examples: [
    { run: "apiclient get settings.kernel", description: "all below a key" },
    { run: "apiclient get motd network.hostname", description: "several, merged" },
    { run: "apiclient get /tx/list", description: "any path of the API" },
    { run: "apiclient get settings --exclude settings.kernel", description: "all but" },
  ],
  options: {
    exclude: { type: "text", value: "PREFIX", help: "Leave out what is below this", many: true, complete: settingKeys },
  },
  arguments: {
    prefixes: {
      value: "PREFIX",
      help: "Keys; `settings.` may be left out. Or one path that starts with /",
      many: true,
      optional: true,
      complete: settingKeys,
    },
  },
  async run(context, { prefixes, exclude }) {
    const value = await fetchAll(context, prefixes);
    const excluded = exclude.map((prefix) => segmentsOf(fullPrefix(prefix)));
    if (excluded.length > 0 && !isJsonObject(value)) throw usageFailure("--exclude needs an answer that is an object");
    return isJsonObject(value) ? excluded.reduce(without, value) : value;
  },
});

async function fetchAll(context: ClientContext, prefixes: readonly string[]): Promise<Json> {
  const [first = "", ...rest] = prefixes;
  if (first.startsWith("/")) {
    if (rest.length > 0) throw usageFailure("a path stands alone");
    return parseJson((await request(context, "GET", first)).body);
  }
  const wanted = prefixes.length === 0 ? ["settings", "os"] : prefixes.map(fullPrefix);
  const parts = await Promise.all(wanted.map(async (prefix) => await fetchPrefix(context, prefix)));
  return parts.reduce(merged, {});
}

async function fetchPrefix(context: ClientContext, prefix: string): Promise<JsonObject> {
  const { body } = await request(context, "GET", `/?${new URLSearchParams({ prefix }).toString()}`);
  const value = parseJson(body);
  const tree = isJsonObject(value) ? value : {};
  if (Object.keys(tree).length === 0) context.invocation.note(`apiclient: there is nothing under ${prefix}`);
  return tree;
}

function merged(left: JsonObject, right: JsonObject): JsonObject {
  const result = { ...left };
  for (const [name, value] of Object.entries(right)) {
    const present = result[name];
    result[name] = isJsonObject(present) && isJsonObject(value) ? merged(present, value) : value;
  }
  return result;
}

function without(value: JsonObject, [name = "", ...rest]: readonly string[]): JsonObject {
  const { [name]: inner, ...remaining } = value;
  if (inner === undefined) return value;
  return rest.length > 0 && isJsonObject(inner) ? { ...value, [name]: without(inner, rest) } : remaining;
}

function segmentsOf(prefix: string): string[] {
  try {
    return splitKey(prefix);
  } catch (error) {
    throw isFailure(error, "bad-key") ? usageFailure(error.message) : error;
  }
}
