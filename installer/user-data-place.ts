/** How people write where user data lies: `https://…` or `LABEL=NAME`. */
import { Failure } from "../lib/failure.ts";
import type { UserDataPlace } from "./order.ts";

/** @throws {Failure<"bad-place">} */
export function parseUserDataPlace(text: string): UserDataPlace {
  if (text === "none") return { kind: "none" };
  const label = /^LABEL=(.+)$/.exec(text)?.[1];
  if (label !== undefined) return { kind: "label", label };
  if (isWebAddress(text)) return { kind: "url", url: text };
  throw new Failure(
    "bad-place",
    `cannot take user data from "${text}": an address such as https://provision.example.com/{mac}.toml, LABEL=NAME or none is expected`,
  );
}

export function isWebAddress(text: string): boolean {
  return ["http:", "https:"].includes(URL.parse(text)?.protocol ?? "");
}

/** What a machine is known by. */
export type MachineNames = { mac: string; uuid: string; serial: string };

/** The address with those of the machine in it, escaped as parts of a path. */
export function addressFor(url: string, names: MachineNames): string {
  return url.replaceAll(/\{(mac|uuid|serial)\}/g, (_, name: keyof MachineNames) => encodeURIComponent(names[name]));
}
