/** `apiclient set`, and the same change planned and on trial. */
import { usageFailure, type ValuesOf } from "../../../../lib/command/command.ts";
import { isFailure } from "../../../../lib/failure.ts";
import { isJsonObject, parseJson, type JsonObject } from "../../../../lib/text/json.ts";
import { fullKey, splitPair } from "../../../../settings/model/key.ts";
import { appliedResult } from "./applied-text.ts";
import { apiCommand } from "../context.ts";
import { settingKeys } from "../keys.ts";
import { planText } from "./plan-text.ts";
import { commitProposed, messageOption, planProposed, type Propose } from "./proposal.ts";
import { tryOptions } from "./try.ts";

const options = {
  json: {
    type: "text",
    value: "JSON",
    help: 'Settings as a JSON object, for example \'{"motd": "hi"}\'',
    short: "j",
    parse: settingsObject,
  },
} as const;
const args = {
  pairs: {
    value: "KEY=VALUE",
    help: "A setting and its value; the setting decides how the text is read. `settings.` may be left out",
    many: true,
    optional: true,
    complete: (typed: string) => settingKeys(typed, "="),
  },
} as const;

const description = `Lists and tables are written as JSON: apiclient set 'ntp.time-servers=["time.example.com"]'.
The exit code is 1 when the host could not apply the change; it stays committed, and the host goes on trying.
What failed before the change and has nothing to do with it is told on stderr, as are warnings.`;

export const set = apiCommand({
  name: "set",
  summary: "Change settings, apply them and say what happened",
  description,
  examples: [
    { run: "apiclient set motd='Hello!'", description: "one setting" },
    { run: 'apiclient set --json \'{"kernel": {"lockdown": "integrity"}}\'', description: "several, as JSON" },
  ],
  options: { ...options, ...messageOption },
  arguments: args,
  run: (context, values) => commitProposed(context, proposal(values), { message: values.message }),
  ...appliedResult,
});

export const planSet = apiCommand({
  name: "plan set",
  summary: "Say what `set` would do",
  examples: [{ run: "apiclient plan set kernel.lockdown=none", description: "shows keys, files, units and reboots" }],
  options,
  arguments: args,
  run: (context, values) => planProposed(context, proposal(values)),
  print: planText,
});

export const trySet = apiCommand({
  name: "try set",
  summary: "Change settings until they are confirmed in time, else revert",
  examples: [{ run: "apiclient try set --for 5m network.hostname=web-1", description: "reverts in 5 minutes" }],
  options: { ...options, ...messageOption, ...tryOptions },
  arguments: args,
  run: (context, values) =>
    commitProposed(context, proposal(values), { message: values.message, trySeconds: values.for }),
  ...appliedResult,
});

function proposal({ json, pairs }: ValuesOf<typeof options, typeof args>): Propose {
  if ((json === undefined) === (pairs.length === 0)) {
    throw usageFailure("either KEY=VALUE or --json JSON is expected");
  }
  if (json !== undefined) {
    return async () => ({ change: { set: json }, message: `set ${Object.keys(json).join(" ")}` });
  }
  const keys = pairs.map((pair) => {
    const split = splitPair(pair);
    if (split === undefined) throw usageFailure(`KEY=VALUE is expected, not "${pair}"`);
    return fullKey(split.key);
  });
  return async () => ({ change: { pairs: [...pairs] }, message: `set ${keys.join(" ")}` });
}

/** The outer "settings" that `get` prints may stay. */
function settingsObject(text: string): JsonObject {
  const value = jsonOf(text);
  if (!isJsonObject(value)) throw usageFailure("an object is expected");
  const { settings, ...rest } = value;
  return isJsonObject(settings) && Object.keys(rest).length === 0 ? settings : value;
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw isFailure(error, "bad-json") ? usageFailure(error.message) : error;
  }
}
