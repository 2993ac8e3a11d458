/**
 * Words of the kernel's command line that change an order. Under Secure Boot nobody can add any, as the stub of a signed
 * image then takes no words but its own (systemd-stub(7)).
 */
import { Failure } from "../lib/failure.ts";
import { parseDiskRule } from "./disk-rule.ts";
import type { InstallOrder } from "./order.ts";
import { isWebAddress, parseUserDataPlace } from "./user-data-place.ts";

type Change = (order: InstallOrder, value: string, word: string) => InstallOrder;

const changes: Readonly<Record<string, Change>> = {
  "orlop.disk": (order, value) => {
    parseDiskRule(value);
    return { ...order, disk: value };
  },
  "orlop.user-data": (order, value) => ({ ...order, userData: parseUserDataPlace(value) }),
  "orlop.image": (order, value, word) => {
    if (!isWebAddress(value)) throw refuse(word, "an address that begins with http:// or https://");
    return { ...order, source: { kind: "network", url: value } };
  },
  "orlop.countdown": (order, value, word) => {
    if (!/^\d{1,4}$/.test(value)) throw refuse(word, "a number of seconds up to 9999");
    return { ...order, countdownSeconds: Number(value) };
  },
  "orlop.replace": (order, value, word) => {
    if (value !== "yes") throw refuse(word, "orlop.replace=yes");
    return { ...order, replace: true };
  },
  "orlop.afterwards": (order, value, word) => {
    if (value !== "reboot" && value !== "power-off") throw refuse(word, "reboot or power-off");
    return { ...order, afterwards: value };
  },
};

/**
 * The order as the command line has it.
 *
 * @throws {Failure<"bad-word" | "bad-disk-rule" | "bad-place">} for what begins with `orlop.` and is not known, too
 */
export function withWords(order: InstallOrder, commandLine: string): InstallOrder {
  let changed = order;
  for (const word of commandLine.split(/\s+/).filter((text) => text.startsWith("orlop."))) {
    const at = word.indexOf("=");
    const change = changes[at < 0 ? word : word.slice(0, at)];
    if (change === undefined) throw refuse(word, `one of ${Object.keys(changes).join(", ")}`);
    changed = change(changed, at < 0 ? "" : word.slice(at + 1), word);
  }
  return changed;
}

function refuse(word: string, expected: string): Failure<"bad-word"> {
  return new Failure("bad-word", `cannot follow the kernel's word ${word}: ${expected} is expected`);
}
