/** Names and addresses of the network. */
import { z } from "zod";
import { checked, pattern } from "./text.ts";
import { described, mustBe } from "./type.ts";

const ip = new RegExp(`${z.regexes.ipv4.source}|${z.regexes.ipv6.source}`);

export const ipAddress: z.ZodType<string> = pattern("an IP address, version 4 or 6", ip);

const hostnameText = /^(?=.{1,253}$)[0-9a-z](?:[0-9a-z-]{0,62})(?:\.[0-9a-z][0-9a-z-]{0,62})*$/;

/** Capitals are refused, as in Bottlerocket. */
export const hostname: z.ZodType<string> = pattern(
  "a host name: dot-separated words of 1 to 63 lower-case letters, digits and hyphens, none starting with a hyphen",
  hostnameText,
);

/** Where a service is found by name or address, without scheme or port. */
export const host: z.ZodType<string> = described(
  z.union([hostname, ipAddress], mustBe("a host name or an IP address")),
  "a host name or an IP address",
);

export const dnsDomain: z.ZodType<string> = checked(
  "a DNS domain such as cluster.local",
  /^(?=.{1,253}\.?$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/,
  (value) => !ip.test(value),
);
