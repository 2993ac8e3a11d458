/**
 * Where kubelet itself would end, or never register, this says so before; compared with kubelet's defaults where nothing
 * is set.
 *
 * Sources: kubelet's apis/config/validation/validation.go, apis/config/v1beta1/defaults.go, cmd/kubelet/app/server.go and
 * what kubelet makes when it starts. What depends on the machine (its memory, processors and NUMA nodes) is not asked.
 */
import type { Settings } from "../group.ts";
import { defaultMaxPods } from "./kube-reserved.ts";
import { memoryForStaticPolicy, processorsForStaticPolicy } from "./kubelet-reservations.ts";
import { isWhole, millisecondsOf, nanosOf } from "../../values/kubernetes-amounts.ts";
import { isNamespaced, isWrittenFor, namespacedParameters } from "./pod-sysctls.ts";
import type { Problem } from "../../model/problem.ts";
import { missing, unmetAt, type Rule } from "../../model/rule.ts";
import { credentialProviders, type Selection } from "../../model/selection.ts";
import { isAtLeast, type Minor } from "../../model/setting.ts";
import { podReport } from "../../static-pods/manifest.ts";

type Kubernetes = NonNullable<Settings["kubernetes"]>;

/** Of a kubelet without configuration. */
const defaults = { "image-gc-high-threshold-percent": 85, "image-gc-low-threshold-percent": 80 } as const;
const defaultImageMinimumAge = "2m";
const defaultIdsPerPod = 65_536;

/** A rule about the kubelet that the variant has. */
function kubeletRule(
  name: string,
  check: (kubernetes: Kubernetes, minor: Minor, variant: Selection) => Iterable<Problem>,
): Rule {
  return {
    name,
    check({ kubernetes }, _set, variant) {
      const { minor } = variant.orchestrator;
      return kubernetes === undefined || minor === undefined ? [] : check(kubernetes, minor, variant);
    },
  };
}

const at = (name: string | readonly string[], sentence: string): Problem =>
  unmetAt(["kubernetes", ...(typeof name === "string" ? [name] : name)], sentence);

/** What kubelet takes and does not do. */
export const kubeletAdvice: readonly Rule[] = [
  kubeletRule("a static pod has only fields that kubelet knows", function* (kubernetes, minor) {
    for (const [name, { manifest }] of Object.entries(kubernetes["static-pods"])) {
      for (const field of manifest === undefined ? [] : podReport(manifest, minor).dropped) {
        yield at(["static-pods", name, "manifest"], `has what kubelet leaves out: ${field}`);
      }
    }
  }),
];

export const kubeletRules: readonly Rule[] = [
  kubeletRule("a soft eviction has a grace period", function* (kubernetes) {
    const periods = kubernetes["eviction-soft-grace-period"];
    for (const [signal, threshold] of Object.entries(kubernetes["eviction-soft"])) {
      // Written like this, kubelet takes it for none.
      if (periods[signal] === undefined && threshold !== "0%") {
        yield missing(["kubernetes", "eviction-soft-grace-period", signal], "eviction-soft has this signal");
      }
    }
  }),
  kubeletRule("garbage collection of images goes from high to low", function* (kubernetes) {
    const [highName, lowName] = ["image-gc-high-threshold-percent", "image-gc-low-threshold-percent"] as const;
    const high = kubernetes[highName] ?? defaults[highName];
    const low = kubernetes[lowName] ?? defaults[lowName];
    if (low < high) return;
    if (kubernetes[lowName] === undefined) {
      yield at(highName, `must be above ${lowName}, which is ${low} unless set, not ${high}`);
    } else {
      const unless = kubernetes[highName] === undefined ? " unless set" : "";
      yield at(lowName, `must be below ${highName}, which is ${high}${unless}, not ${low}`);
    }
  }),
  kubeletRule("an image may be kept for longer than it must be", function* (kubernetes) {
    const most = kubernetes["image-maximum-gc-age"];
    const least = effectiveMinimumAge(kubernetes["image-minimum-gc-age"]);
    // 0s is no limit.
    if (most === undefined || millisecondsOf(most) === 0 || millisecondsOf(most) > millisecondsOf(least.age)) return;
    yield at("image-maximum-gc-age", `must be above image-minimum-gc-age, which is ${least.shown}, not ${most}`);
  }),
  kubeletRule("critical pods get their time from the shutdown's", function* (kubernetes) {
    const names = ["shutdown-grace-period", "shutdown-grace-period-for-critical-pods"] as const;
    for (const name of names) {
      const period = kubernetes[name];
      if (period === undefined || millisecondsOf(period) === 0 || millisecondsOf(period) >= 1000) continue;
      yield at(name, `must be 0s, or 1s or more, not ${period}`);
    }
    const [all, critical] = names.map((name) => kubernetes[name]);
    if (critical === undefined || millisecondsOf(critical) <= millisecondsOf(all ?? "0s")) return;
    if (all === undefined) {
      yield missing(["kubernetes", "shutdown-grace-period"], `shutdown-grace-period-for-critical-pods is ${critical}`);
    } else {
      const sentence = `must not be above shutdown-grace-period, which is ${all}, but is ${critical}`;
      yield at("shutdown-grace-period-for-critical-pods", sentence);
    }
  }),
  kubeletRule("the size of a log is one that kubelet can count", function* (kubernetes, minor) {
    const name = "container-log-max-size";
    const size = kubernetes[name];
    if (size === undefined) return;
    if (!isWhole(size)) yield at(name, `must be whole bytes that kubelet can count, such as 10Mi, not ${size}`);
    // Later ones do not rotate then.
    else if (nanosOf(size) < 0n && !isAtLeast(minor, "1.21")) {
      yield at(name, `must not be below 0 for Kubernetes ${minor}, but is ${size}`);
    }
  }),
  kubeletRule("options of the CPU manager are for its static policy", function* (kubernetes) {
    const options = kubernetes["cpu-manager-policy-options"] ?? [];
    if (options.length > 0 && kubernetes["cpu-manager-policy"] !== "static") {
      yield at("cpu-manager-policy", "must be static because cpu-manager-policy-options is set");
    }
  }),
  kubeletRule("the static CPU manager leaves the host some of a processor", processorsForStaticPolicy),
  kubeletRule("the static memory manager has the memory that is reserved", memoryForStaticPolicy),
  kubeletRule("every pod can have user ids of its own", function* (kubernetes, minor) {
    // Before 1.33, kubelet gives pods none unless a feature gate says so.
    if (!isAtLeast(minor, "1.33")) return;
    const ids = kubernetes["ids-per-pod"] ?? defaultIdsPerPod;
    const all = 2 ** 32;
    if (all % ids !== 0) {
      yield at("ids-per-pod", `must be a power of two, so that kubelet can share out all ids, not ${ids}`);
      return;
    }
    const room = (all - ids) / ids;
    // Kubelet takes 0 for its default.
    const pods = kubernetes["max-pods"] || defaultMaxPods;
    if (pods <= room) return;
    const because = `because there are ${all - ids} ids for pods and ids-per-pod is ${ids}`;
    yield at("max-pods", `must be at most ${room} ${because}, not ${pods}`);
  }),
  kubeletRule("a pod's kernel parameters are those of its namespaces", function* (kubernetes, minor) {
    for (const [index, name] of (kubernetes["allowed-unsafe-sysctls"] ?? []).entries()) {
      const place = "allowed-unsafe-sysctls";
      if (!isWrittenFor(name, minor)) {
        yield at(place, `must have dots and no slashes for Kubernetes ${minor}, but [${index}] is ${name}`);
      } else if (!isNamespaced(name, minor)) {
        yield at(
          place,
          `must be of ${namespacedParameters(minor)}, which namespaces have for themselves, but [${index}] is ${name}`,
        );
      }
    }
  }),
  kubeletRule("labels of Kubernetes are those that a node may give itself", function* (kubernetes) {
    if (kubernetes["standalone-mode"]) return;
    for (const label of Object.keys(kubernetes["node-labels"])) {
      if (isOwnLabel(label)) continue;
      const allowed = "below node.kubernetes.io and kubelet.kubernetes.io, and a few others";
      yield at(["node-labels", label], `must not be set: kubelet may give itself only labels of Kubernetes ${allowed}`);
    }
  }),
  kubeletRule("a node has a taint once", function* (kubernetes) {
    for (const [key, taints] of Object.entries(kubernetes["node-taints"])) {
      const effects = taints.map((taint) => taint.slice(taint.indexOf(":") + 1));
      const twice = effects.find((effect, index) => effects.indexOf(effect) !== index);
      if (twice !== undefined) yield at(["node-taints", key], `must have each effect once, but has ${twice} twice`);
    }
  }),
  kubeletRule("a cloud is one that kubelet knows", function* (kubernetes, minor) {
    if (kubernetes["standalone-mode"] || kubernetes["cloud-provider"] !== "aws" || !isAtLeast(minor, "1.27")) return;
    yield at("cloud-provider", `must be external or "" because kubelet ${minor} has no code for aws`);
  }),
  kubeletRule("a static pod is one that kubelet can use", function* (kubernetes, minor) {
    for (const [name, { manifest }] of Object.entries(kubernetes["static-pods"])) {
      for (const flaw of manifest === undefined ? [] : podReport(manifest, minor).flaws) {
        yield at(["static-pods", name, "manifest"], `must be a pod that kubelet ${minor} can use: ${flaw}`);
      }
    }
  }),
  kubeletRule("a static pod has a name of its own", function* (kubernetes, minor) {
    // Kubelet leaves out the second of a name.
    const before = new Map<string, string>();
    for (const [name, { enabled, manifest }] of Object.entries(kubernetes["static-pods"])) {
      const pod = enabled && manifest !== undefined ? podReport(manifest, minor).name : undefined;
      if (pod === undefined) continue;
      const first = before.get(pod);
      if (first === undefined) before.set(pod, name);
      else yield at(["static-pods", name, "manifest"], `must not be of the pod ${pod}, which static-pods.${first} is`);
    }
  }),
  kubeletRule(
    "an enabled credential provider is there, and is asked about some images",
    function* (kubernetes, minor, { name: variant, programs }) {
      for (const [name, provider] of Object.entries(kubernetes["credential-providers"] ?? {})) {
        if (!provider.enabled) continue;
        const place = ["kubernetes", "credential-providers", name];
        if (programs[`${credentialProviders}/${name}`] === undefined) {
          yield unmetAt([...place, "enabled"], `must be false because variant ${variant} has no program ${name}`);
        }
        if ((provider["image-patterns"] ?? []).length === 0)
          yield missing([...place, "image-patterns"], "enabled is true");
      }
    },
  ),
];

/** Kubelet takes 0 for its default. */
function effectiveMinimumAge(age: string | undefined): { age: string; shown: string } {
  if (age === undefined) return { age: defaultImageMinimumAge, shown: `${defaultImageMinimumAge} unless set` };
  const effective = millisecondsOf(age) === 0 ? defaultImageMinimumAge : age;
  return { age: effective, shown: effective === age ? age : `${effective} when it is ${age}` };
}

/** Source: k8s.io/kubelet pkg/apis/well_known_labels.go. */
const ownLabels = new Set([
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
]);

function isOwnLabel(label: string): boolean {
  const domain = label.includes("/") ? label.slice(0, label.indexOf("/")) : "";
  const isIn = (parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);
  if (!isIn("kubernetes.io") && !isIn("k8s.io")) return true;
  return ownLabels.has(label) || isIn("kubelet.kubernetes.io") || isIn("node.kubernetes.io");
}
