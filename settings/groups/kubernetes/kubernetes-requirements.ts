/** What a node needs from its settings to join its cluster, or to run alone. */
import { isJsonObject } from "../../../lib/text/json.ts";
import { isKeyOf } from "../../values/pem.ts";
import { missing, unmetAt, type Rule } from "../../model/rule.ts";
import { iamAuthenticator } from "../../model/selection.ts";
import type { SettingsTree } from "../../model/tree.ts";

/** What kubelet cannot join a cluster without. The name of the cluster is only for AWS, which issues tokens for it. */
const toJoin = {
  aws: ["api-server", "cluster-certificate", "cluster-name"],
  tls: ["api-server", "cluster-certificate", "bootstrap-token"],
} as const;

/** Any of these, set by someone, says that the node is to join; until then it is a host without a cluster. */
const joining = [
  "api-server",
  "cluster-certificate",
  "cluster-name",
  "bootstrap-token",
  "authentication-mode",
] as const;

function firstSet(set: SettingsTree, names: readonly string[]): string | undefined {
  const group = set["kubernetes"];
  return isJsonObject(group) ? names.find((name) => Object.hasOwn(group, name)) : undefined;
}

export const kubernetesRules: readonly Rule[] = [
  {
    name: "a node that joins a cluster knows where and how",
    *check({ kubernetes }, set) {
      if (kubernetes === undefined || kubernetes["standalone-mode"]) return;
      const cause = firstSet(set, joining);
      if (cause === undefined) return;
      const mode = kubernetes["authentication-mode"];
      for (const name of toJoin[mode]) {
        if (kubernetes[name] !== undefined) continue;
        const because = `${cause} is set and authentication-mode is ${mode}`;
        yield missing(
          ["kubernetes", name],
          cause === "authentication-mode" ? `authentication-mode is ${mode}` : because,
        );
      }
    },
  },
  {
    name: "a node with an AWS role has the program that shows it",
    *check({ kubernetes }, _set, { name, programs }) {
      if (kubernetes?.["authentication-mode"] !== "aws" || kubernetes["standalone-mode"]) return;
      if (programs[iamAuthenticator] !== undefined) return;
      const program = iamAuthenticator.slice(iamAuthenticator.lastIndexOf("/") + 1);
      yield unmetAt(["kubernetes", "authentication-mode"], `must not be aws because variant ${name} has no ${program}`);
    },
  },
  {
    name: "a bridge of a lone node has addresses",
    *check({ kubernetes }) {
      if (kubernetes === undefined || !kubernetes["standalone-mode"]) return;
      if (kubernetes["pod-network"] === "bridge" && kubernetes["pod-cidr"] === undefined) {
        yield missing(["kubernetes", "pod-cidr"], "pod-network is bridge and standalone-mode is true");
      }
    },
  },
  {
    name: "a certificate to serve with has its key",
    *check({ kubernetes }) {
      if (kubernetes === undefined) return;
      const { "server-certificate": certificate, "server-key": key } = kubernetes;
      if (certificate === undefined && key !== undefined) {
        yield missing(["kubernetes", "server-certificate"], "server-key is set");
      }
      if (certificate !== undefined && key === undefined) {
        yield missing(["kubernetes", "server-key"], "server-certificate is set");
      }
      if (certificate !== undefined && key !== undefined && !isKeyOf(key, certificate)) {
        yield unmetAt(["kubernetes", "server-key"], "must be the key of the first certificate in server-certificate");
      }
    },
  },
  {
    name: "an enabled static pod has a manifest",
    *check({ kubernetes }) {
      for (const [name, { enabled, manifest }] of Object.entries(kubernetes?.["static-pods"] ?? {})) {
        if (enabled && manifest === undefined) {
          yield missing(["kubernetes", "static-pods", name, "manifest"], "enabled is true");
        }
      }
    },
  },
];
