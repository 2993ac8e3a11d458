/**
 * Options of a time source, in the words of chrony.conf; see the directive server in chrony.conf(5), version 4.6.
 *
 * chronyd does not start with an option that it does not know, and then nothing keeps the time.
 */
import { z } from "zod";
import { pattern } from "./text.ts";
import { typeOf, type Type } from "../model/type.ts";

const words = "an option of chrony.conf such as iburst or minpoll 4";

/** Anything that could start another line or a comment is out. */
const option = pattern(words, /^[A-Za-z0-9.:/_-]+(?: [A-Za-z0-9.:/_-]+)*$/);

const flags = new Set(
  "auto_offline burst copy iburst ipv4 ipv6 noselect nts offline prefer require trust xleave".split(" "),
);

const whole = /^-?\d{1,9}$/;
const decimal = /^-?\d{1,9}(?:\.\d{1,12})?(?:e-?\d{1,2})?$/i;

/** What stands behind the name. */
const values: ReadonlyMap<string, RegExp> = new Map([
  ...names("certset filter key maxpoll maxsamples maxsources minpoll minsamples minstratum", whole),
  ...names("ntsport polltarget port presend version", whole),
  ...names("asymmetry maxdelay maxdelaydevratio maxdelayquant maxdelayratio mindelay offset", decimal),
  ["extfield", /^F32[34]$/i],
]);

function names(list: string, value: RegExp): [string, RegExp][] {
  return list.split(" ").map((name) => [name, value]);
}

/** A list of them; a name and its value may be two items, since all of them become one line. */
export const chronyOptions: Type<string[]> = typeOf(`a list, each item ${words}`, (refusal) =>
  z
    .array(option.schema(), refusal)
    .max(100, { error: "must have at most 100 items" })
    .superRefine((items, context) => {
      const at = firstUnknown(items);
      if (at === undefined) return;
      context.addIssue({ code: "custom", path: [at], message: `must be ${words}`, input: items[at] });
    }),
);

/** The item that holds the first word which chronyd does not know. */
function firstUnknown(items: readonly string[]): number | undefined {
  const line = items.flatMap((item, at) => item.split(" ").map((word) => ({ word: word.toLowerCase(), at })));
  for (let next = line.shift(); next !== undefined; next = line.shift()) {
    if (flags.has(next.word)) continue;
    const value = values.get(next.word);
    if (value === undefined || !value.test(line.shift()?.word ?? "")) return next.at;
  }
  return undefined;
}
