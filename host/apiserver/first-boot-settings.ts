/** Settings that only user data gives, since the first boot alone can do what they ask for: `settings.storage`. */
import { Refused } from "../../api/client/refused.ts";
import { isUnder } from "../../settings/model/key.ts";
import { changesBetween, type Values } from "../datastore/change.ts";

const group = "settings.storage";
const isStorage = (key: string): boolean => isUnder(key, group);

/** @throws {Refused<"unmet-requirements">} */
export function refuseOtherStorage(before: Values, after: Values): void {
  const changed = changesBetween(before, after).filter(({ key }) => isStorage(key));
  if (changed.length === 0) return;
  throw new Refused(
    "unmet-requirements",
    `cannot change ${changed.map(({ key }) => key).join(", ")} on a host that runs`,
    {
      hint: "partitions are encrypted at the first boot alone: make the machine anew, from user data that has it",
      problems: changed.map(({ key }) => ({ key, message: `${key} must stay as it was at the first boot` })),
    },
  );
}

/** What an undone or restored version says of it changes nothing on the disk. */
export function withStorageOf(now: Values, chosen: Values): Values {
  return new Map([...[...chosen].filter(([key]) => !isStorage(key)), ...[...now].filter(([key]) => isStorage(key))]);
}
