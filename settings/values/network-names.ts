/** Names and addresses of the network. */
import { z } from "zod";
import { pattern } from "./text.ts";
import { typeOf, type Type } from "../model/type.ts";

const ip = new RegExp(`${z.regexes.ipv4.source}|${z.regexes.ipv6.source}`);

export const ipAddress: Type<string> = pattern("an IP address, version 4 or 6", ip);

export const ipRange: Type<string> = pattern(
  "a range of IP addresses such as 10.244.0.0/24",
  new RegExp(`${z.regexes.cidrv4.source}|${z.regexes.cidrv6.source}`),
);

/** Capitals are refused, as in Bottlerocket. */
const hostnamePattern = /^(?=.{1,253}$)[0-9a-z][0-9a-z-]{0,62}(?:\.[0-9a-z][0-9a-z-]{0,62})*$/;

export const hostname: Type<string> = pattern(
  "a host name: dot-separated words of 1 to 63 lower-case letters, digits and hyphens, none starting with a hyphen",
  hostnamePattern,
);

/** Linux holds 64 characters, and a label of Kubernetes, which a node's name becomes, one fewer. */
const mostInOwnName = 63;

/** What the kernel can hold of a name: all of it, or what stands before its first dot, as systemd cuts it. */
export function shortened(name: string): string {
  return name.length <= mostInOwnName ? name : name.replace(/\..*$/, "");
}

/** The name of this very host, which the kernel keeps. */
export const ownName: Type<string> = typeOf(
  `a host name of at most ${mostInOwnName} characters: dot-separated words of lower-case letters, digits and hyphens, none starting with a hyphen`,
  (refusal) =>
    z
      .string(refusal)
      .regex(hostnamePattern, { ...refusal, abort: true })
      .max(mostInOwnName, { error: ({ input }) => tooLong(input) }),
);

function tooLong(name: unknown): string {
  const shorter = typeof name === "string" ? ` (${shortened(name)} would do)` : "";
  return `must have at most ${mostInOwnName} characters, since Linux and Kubernetes hold no longer name${shorter}`;
}

/** Where a service is found, without scheme or port. */
export const host: Type<string> = typeOf("a host name or an IP address", (refusal) =>
  z.union([hostname.schema(), ipAddress.schema()], refusal),
);

export const dnsDomain: Type<string> = pattern(
  "a DNS domain such as cluster.local",
  /^(?=.{1,253}\.?$)[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/,
  (value) => !ip.test(value),
);

export const interfaceName: Type<string> = pattern(
  "the name of a network interface: at most 15 characters without space, slash and colon",
  /^(?!\.{1,2}$)[!-.0-9;-~]{1,15}$/,
);
