/** What settings of Kubernetes need from each other. Where kubelet itself would refuse to start, this says so before. */
import { isJsonObject } from "../lib/json.ts";
import { missing, unmetAt, type Rule } from "./rule.ts";
import type { SettingsTree } from "./tree.ts";

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
  {
    name: "an enabled credential provider is asked about some images",
    *check({ kubernetes }) {
      for (const [name, provider] of Object.entries(kubernetes?.["credential-providers"] ?? {})) {
        const patterns = provider["image-patterns"];
        if (provider.enabled && (patterns === undefined || patterns.length === 0)) {
          yield missing(["kubernetes", "credential-providers", name, "image-patterns"], "enabled is true");
        }
      }
    },
  },
  {
    name: "a soft eviction has a grace period",
    *check({ kubernetes }) {
      const periods = kubernetes?.["eviction-soft-grace-period"] ?? {};
      for (const signal of Object.keys(kubernetes?.["eviction-soft"] ?? {})) {
        if (periods[signal] === undefined) {
          yield missing(["kubernetes", "eviction-soft-grace-period", signal], "eviction-soft has this signal");
        }
      }
    },
  },
  {
    name: "garbage collection of images goes from high to low",
    *check({ kubernetes }) {
      const high = kubernetes?.["image-gc-high-threshold-percent"];
      const low = kubernetes?.["image-gc-low-threshold-percent"];
      if (high !== undefined && low !== undefined && low >= high) {
        const sentence = `must be below image-gc-high-threshold-percent, which is ${high}`;
        yield unmetAt(["kubernetes", "image-gc-low-threshold-percent"], sentence);
      }
    },
  },
  {
    name: "critical pods get their time from the shutdown's",
    *check({ kubernetes }) {
      if (
        kubernetes?.["shutdown-grace-period-for-critical-pods"] !== undefined &&
        kubernetes["shutdown-grace-period"] === undefined
      ) {
        yield missing(["kubernetes", "shutdown-grace-period"], "shutdown-grace-period-for-critical-pods is set");
      }
    },
  },
  {
    name: "options of the CPU manager are for its static policy",
    *check({ kubernetes }) {
      const options = kubernetes?.["cpu-manager-policy-options"] ?? [];
      if (options.length > 0 && kubernetes?.["cpu-manager-policy"] !== "static") {
        yield unmetAt(["kubernetes", "cpu-manager-policy"], "must be static because cpu-manager-policy-options is set");
      }
    },
  },
  {
    name: "the static memory manager has a reservation",
    *check({ kubernetes }) {
      if (kubernetes?.["memory-manager-policy"] !== "Static") return;
      const reservations = Object.values(kubernetes["memory-manager-reserved-memory"]);
      if (!reservations.some(({ enabled }) => enabled)) {
        const sentence = "must have an enabled entry because memory-manager-policy is Static";
        yield unmetAt(["kubernetes", "memory-manager-reserved-memory"], sentence);
      }
    },
  },
];
