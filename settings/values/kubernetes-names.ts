/** Names and texts of Kubernetes objects, as its API server would accept them. */
import { pattern } from "./text.ts";
import type { Type } from "../model/type.ts";

/** 1 to 63 characters, alphanumeric at both ends. */
const word = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?";
const subdomainLabel = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const subdomain = `${subdomainLabel}(?:\\.${subdomainLabel})*`;

export const labelKey: Type<string> = pattern(
  "a label key: 1 to 63 letters, digits, hyphens, underscores and dots, perhaps after a DNS domain and a slash",
  new RegExp(`^(?:${subdomain}/)?${word}$`),
  (key) => key.lastIndexOf("/") <= 253,
);

export const labelValue: Type<string> = pattern(
  "a label value: at most 63 letters, digits, hyphens, underscores and dots, with a letter or digit at both ends",
  new RegExp(`^(?:${word})?$`),
);

export const taint: Type<string> = pattern(
  "value:effect, with effect one of NoSchedule, PreferNoSchedule, NoExecute",
  new RegExp(`^(?:${word})?:(?:NoSchedule|PreferNoSchedule|NoExecute)$`),
);

export const clusterName: Type<string> = pattern(
  "a cluster name: 1 to 63 letters, digits, hyphens, underscores and dots",
  new RegExp(`^${word}$`),
);

export const bootstrapToken: Type<string> = pattern(
  "a bootstrap token such as abcdef.0123456789abcdef, lower case",
  /^[a-z0-9]{6}\.[a-z0-9]{16}$/,
);

/** What kubelet takes as its own name. It is the value of a label too, which is why it is no longer than one. */
export const nodeName: Type<string> = pattern(
  "a node name: a DNS domain in lower case, of at most 63 characters",
  new RegExp(`^${subdomain}$`),
  (name) => name.length <= 63,
);
