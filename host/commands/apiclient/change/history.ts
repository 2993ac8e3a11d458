/** `apiclient history`, `undo` and `restore`. */
import type { Forgotten, ExecutedBody, OrderedBody, TransactionBody } from "../../../../api/answers.ts";
import { authorText } from "../../../../api/author-text.ts";
import { usageFailure } from "../../../../lib/command/command.ts";
import { defined } from "../../../../lib/defined.ts";
import { Failure } from "../../../../lib/failure.ts";
import { onOneLine } from "../../../../lib/text/printable.ts";
import { appliedResult } from "./applied-text.ts";
import { changeLine } from "./change-line.ts";
import { apiCommand } from "../context.ts";

function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Failure("bad-number", `a whole number is expected, not "${text}"`);
}

/** ISO 8601; without a zone it is the time of whoever types. */
function moment(text: string): Date {
  const time = new Date(text);
  if (/^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:\d{2})?)?$/.test(text) && !Number.isNaN(time.getTime())) return time;
  throw new Failure("bad-time", `a time such as 2026-01-31T18:30 or 2026-01-31T18:30:00Z is expected, not "${text}"`);
}

export const history = apiCommand({
  name: "history",
  summary: "Show who changed which settings, ran which programs or ordered which update, and when, newest first",
  examples: [
    { run: "apiclient history", description: "the last 20" },
    { run: "apiclient history --limit 1000 --json", description: "as JSON" },
    {
      run: "apiclient history --forget container-registry.credentials",
      description: "takes what it was from the disk",
    },
  ],
  options: {
    limit: { type: "text", value: "N", help: "How many", short: "n", default: "20", parse: wholeNumber },
    forget: {
      type: "text",
      value: "KEY",
      help: "Take from the disk what a setting was before, with the history in which it stands, of all settings",
    },
  },
  async run({ api, signal }, { limit, forget }) {
    const client = await api();
    if (forget !== undefined) return await client.call("forget", { query: { key: forget }, signal });
    return await client.call("getHistory", { query: { limit }, signal });
  },
  print: (answer) => ("key" in answer ? forgottenText(answer) : historyText(answer)),
});

export function forgottenText({ key, upTo, version }: Forgotten): string {
  if (upTo === undefined) return `nothing to forget: ${key} has had no other value, as far as the history goes`;
  return `forgot what ${key} was, and the history up to version ${upTo} in which it stood; version ${version} says who asked`;
}

export function historyText(entries: readonly (TransactionBody | ExecutedBody | OrderedBody)[]): string {
  if (entries.length === 0) return "nobody has changed a setting yet";
  // Whatever a message or a value has in it, an entry has as many lines as these.
  return entries.flatMap((entry) => linesOf(entry).map(onOneLine)).join("\n");
}

function linesOf(entry: TransactionBody | ExecutedBody | OrderedBody): string[] {
  if ("exec" in entry) return executedLines(entry);
  return "order" in entry ? orderedLines(entry) : transactionLines(entry);
}

function transactionLines({ version, at, by, image, says: message, changes }: TransactionBody): string[] {
  return [
    `version ${version}  ${at}  ${authorText(by)}  image ${image}`,
    `  ${message}`,
    ...changes.map((change) => `    ${changeLine(change)}`),
  ];
}

function executedLines({ at, by, image, exec: { container, command, terminal } }: ExecutedBody): string[] {
  const words = command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(" ");
  return [
    `exec  ${at}  ${authorText(by)}  image ${image}`,
    `  in ${container}${terminal ? ", with a terminal" : ""}: ${words}`,
  ];
}

function orderedLines({ at, image, order }: OrderedBody): string[] {
  const deed = { prepare: "prepare", "reboot-into": "reboot into", "go-back": "go back to" }[order.do];
  return [`order  ${at}  fleet policy ${order.by}  image ${image}`, `  ${deed} ${order.version}: ${order.outcome}`];
}

export const undo = apiCommand({
  name: "undo",
  summary: "Take back one transaction and apply",
  description: "Only keys that the transaction changed go back; what others changed since stays.",
  examples: [
    { run: "apiclient undo", description: "takes back the newest" },
    { run: "apiclient undo 12", description: "takes back what version 12 changed" },
  ],
  arguments: { version: { value: "VERSION", help: "As in `history`", optional: true, parse: wholeNumber } },
  async run({ api, signal }, { version }) {
    const which = defined({ version });
    return await (await api()).call("undo", { query: { ...which, wait: true }, signal });
  },
  ...appliedResult,
});

export const restore = apiCommand({
  name: "restore",
  summary: "Return all settings to what they were, and apply",
  examples: [
    { run: "apiclient restore --to 12", description: "as of version 12" },
    { run: "apiclient restore --time 2026-01-31T18:30", description: "as of a moment" },
    { run: "apiclient restore --last-good-boot", description: "as of the last boot that succeeded" },
  ],
  options: {
    to: { type: "text", value: "VERSION", help: "A version, as in `history`", parse: wholeNumber },
    time: {
      type: "text",
      value: "TIME",
      help: "A moment in ISO 8601; local time unless it names a zone",
      parse: moment,
    },
    "last-good-boot": { type: "boolean", help: "The last boot that succeeded" },
  },
  async run({ api, signal }, { to, time, "last-good-boot": lastGoodBoot }) {
    const chosen = [
      ...(to === undefined ? [] : [{ version: to }]),
      ...(time === undefined ? [] : [{ time }]),
      ...(lastGoodBoot ? [{ "last-good-boot": true }] : []),
    ];
    const [only, ...rest] = chosen;
    if (only === undefined || rest.length > 0) {
      throw usageFailure("one of --to VERSION, --time TIME and --last-good-boot is expected");
    }
    return await (await api()).call("restore", { query: { ...only, wait: true }, signal });
  },
  ...appliedResult,
});
