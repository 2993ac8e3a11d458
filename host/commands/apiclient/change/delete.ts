/** `apiclient delete`, and the same change planned and on trial. */
import { fullKey } from "../../../../settings/model/key.ts";
import { appliedResult } from "./applied-text.ts";
import { apiCommand } from "../context.ts";
import { settingKeys } from "../keys.ts";
import { planText } from "./plan-text.ts";
import { commitProposed, messageOption, planProposed, type Propose } from "./proposal.ts";
import { tryOptions } from "./try.ts";

const args = {
  keys: {
    value: "KEY",
    help: "A setting, or a group of them",
    many: true,
    complete: (typed: string) => settingKeys(typed),
  },
} as const;

export const deleteSettings = apiCommand({
  name: "delete",
  summary: "Return settings to their defaults",
  examples: [
    { run: "apiclient delete settings.motd", description: "one setting" },
    { run: "apiclient delete settings.kernel.sysctl", description: "all below a key" },
  ],
  options: messageOption,
  arguments: args,
  run: (context, { keys, message }) => commitProposed(context, proposal(keys), { message }),
  ...appliedResult,
});

export const planDelete = apiCommand({
  name: "plan delete",
  summary: "Say what `delete` would do",
  examples: [{ run: "apiclient plan delete settings.motd", description: "shows keys, files, units and reboots" }],
  arguments: args,
  run: (context, { keys }) => planProposed(context, proposal(keys)),
  print: planText,
});

export const tryDelete = apiCommand({
  name: "try delete",
  summary: "Return settings to their defaults until confirmed in time, else revert",
  examples: [{ run: "apiclient try delete --for 5m settings.network.hostname", description: "reverts in 5 minutes" }],
  options: { ...messageOption, ...tryOptions },
  arguments: args,
  run: (context, { keys, message, for: trySeconds }) =>
    commitProposed(context, proposal(keys), { message, trySeconds }),
  ...appliedResult,
});

function proposal(typed: readonly string[]): Propose {
  const keys = typed.map(fullKey);
  return async () => ({ change: { delete: keys }, message: `delete ${keys.join(" ")}` });
}
