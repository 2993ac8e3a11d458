/**
 * Values of a Pod's fields that kubelet takes, beyond their types. Source: Kubernetes' pkg/apis/core/validation.
 *
 * Empty text is as good as none where Kubernetes has a default.
 */
import { labelKey, labelValue } from "../values/kubernetes-names.ts";
import { nanosOf } from "../values/kubernetes-amounts.ts";
import { ipAddress } from "../values/network-names.ts";
import { isAtLeast, type Minor } from "../model/setting.ts";
import type { Type } from "../model/type.ts";
import type { FieldRule } from "./object-types.ts";

const matching = (words: string, regex: RegExp, most = Infinity): FieldRule => ({
  words,
  accepts: (value) => typeof value === "string" && value.length <= most && regex.test(value),
});
const choice = (...values: readonly string[]): FieldRule => ({
  words: `one of ${values.filter((value) => value !== "").join(", ")}`,
  accepts: (value) => values.includes(String(value)),
});
const number = (least: number, most: number): FieldRule => ({
  words: `a whole number from ${least} to ${most}`,
  accepts: (value) => Number(value) >= least && Number(value) <= most,
});
const ofType = (type: Type): FieldRule => ({
  words: type.words,
  accepts: (value) => type.schema().safeParse(value).success,
});
const orEmpty = (rule: FieldRule): FieldRule => ({ ...rule, accepts: (value) => value === "" || rule.accepts(value) });

const int32 = 2 ** 31 - 1;
const notNegative = number(0, int32);
const id = number(0, int32);
const port = number(1, 65_535);
const set: FieldRule = matching("set", /./s);
const label = matching("1 to 63 lower-case letters, digits and hyphens", /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 63);
const domain = matching(
  "a DNS domain in lower case",
  /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  253,
);
const portName: FieldRule = {
  words: "the name of a port: at most 15 lower-case letters, digits and single hyphens, with a letter",
  accepts: (value) => /^(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/.test(String(value)),
};
const portOrName: FieldRule = {
  words: `${port.words}, or ${portName.words}`,
  accepts: (value) => (typeof value === "number" ? port : portName).accepts(value),
};
const withoutBacksteps = matching('a path without ".."', /^(?!(?:.*\/)?\.\.(?:\/|$)).+$/s);
const below = matching('a path that does not begin with a slash or have ".."', /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$)).*$/s);
const fileBelow = matching(
  'the path of a file that does not begin with a slash or have ".."',
  /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$)).+$/s,
);
const absolute = matching("a path from the root", /^\//);
const mode = number(0, 0o777);
const amountNotBelowZero: FieldRule = {
  words: "an amount not below 0",
  accepts: (value) => nanosOf(String(value)) >= 0n,
};
const profile = choice("Localhost", "RuntimeDefault", "Unconfined");
const selectorOperators = ["In", "NotIn", "Exists", "DoesNotExist"];
const address = ofType(ipAddress);
const containerResource = matching(
  "a resource of a container such as limits.memory",
  /^(?:limits|requests)\.(?:cpu|memory|ephemeral-storage|hugepages-.+)$/,
);

const probe = {
  initialDelaySeconds: notNegative,
  timeoutSeconds: notNegative,
  periodSeconds: notNegative,
  successThreshold: notNegative,
  failureThreshold: notNegative,
  terminationGracePeriodSeconds: number(1, Number.MAX_SAFE_INTEGER),
};

const container = {
  name: label,
  image: set,
  restartPolicy: choice("Always", "OnFailure", "Never"),
  imagePullPolicy: choice("", "Always", "IfNotPresent", "Never"),
  terminationMessagePolicy: choice("", "File", "FallbackToLogsOnError"),
};

const byType: Readonly<Record<string, Readonly<Record<string, FieldRule>>>> = {
  ObjectMeta: { name: domain, namespace: orEmpty(label), labels: ofType(labelValue) },
  PodSpec: {
    restartPolicy: choice("", "Always", "OnFailure", "Never"),
    dnsPolicy: choice("", "ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    activeDeadlineSeconds: number(1, int32),
    hostname: orEmpty(label),
    subdomain: orEmpty(label),
    nodeSelector: ofType(labelValue),
    priorityClassName: orEmpty(domain),
    runtimeClassName: domain,
    serviceAccountName: orEmpty(domain),
    preemptionPolicy: choice("PreemptLowerPriority", "Never"),
    overhead: amountNotBelowZero,
  },
  Container: container,
  ContainerPort: {
    containerPort: port,
    hostPort: number(0, 65_535),
    name: orEmpty(portName),
    protocol: choice("", "TCP", "UDP", "SCTP"),
  },
  Probe: probe,
  HTTPGetAction: { port: portOrName, scheme: choice("", "HTTP", "HTTPS") },
  HTTPHeader: { name: matching("the name of an HTTP header", /^[-A-Za-z0-9]+$/) },
  TCPSocketAction: { port: portOrName },
  GRPCAction: { port },
  SecurityContext: { runAsUser: id, runAsGroup: id, procMount: choice("Default", "Unmasked") },
  PodSecurityContext: {
    runAsUser: id,
    runAsGroup: id,
    fsGroup: id,
    supplementalGroups: id,
    fsGroupChangePolicy: choice("Always", "OnRootMismatch"),
  },
  SeccompProfile: { type: profile },
  AppArmorProfile: { type: profile },
  Sysctl: {
    name: matching(
      "the name of a kernel parameter",
      /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/,
      253,
    ),
  },
  ResourceRequirements: { limits: amountNotBelowZero, requests: amountNotBelowZero },
  Volume: { name: label },
  VolumeMount: {
    name: set,
    mountPath: set,
    subPath: below,
    subPathExpr: below,
    mountPropagation: choice("None", "HostToContainer", "Bidirectional"),
    recursiveReadOnly: choice("Disabled", "IfPossible", "Enabled"),
  },
  VolumeDevice: { name: set, devicePath: withoutBacksteps },
  HostPathVolumeSource: {
    path: withoutBacksteps,
    type: choice("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"),
  },
  EmptyDirVolumeSource: { sizeLimit: amountNotBelowZero },
  NFSVolumeSource: { server: set, path: absolute },
  ISCSIVolumeSource: { targetPortal: set, lun: number(0, 255) },
  ConfigMapVolumeSource: { defaultMode: mode },
  SecretVolumeSource: { defaultMode: mode },
  DownwardAPIVolumeSource: { defaultMode: mode },
  ProjectedVolumeSource: { defaultMode: mode },
  DownwardAPIVolumeFile: { path: fileBelow, mode },
  KeyToPath: { key: set, path: fileBelow, mode },
  ObjectFieldSelector: { fieldPath: set },
  ResourceFieldSelector: { resource: containerResource },
  HostAlias: { ip: address, hostnames: domain },
  PodDNSConfig: { nameservers: address },
  PodDNSConfigOption: { name: set },
  Toleration: {
    key: orEmpty(ofType(labelKey)),
    operator: choice("", "Exists", "Equal"),
    effect: choice("", "NoSchedule", "PreferNoSchedule", "NoExecute"),
    value: ofType(labelValue),
  },
  NodeSelectorRequirement: { key: ofType(labelKey), operator: choice(...selectorOperators, "Gt", "Lt") },
  LabelSelectorRequirement: { key: ofType(labelKey), operator: choice(...selectorOperators) },
  LabelSelector: { matchLabels: ofType(labelValue) },
  PodAffinityTerm: { topologyKey: ofType(labelKey) },
  WeightedPodAffinityTerm: { weight: number(1, 100) },
  PreferredSchedulingTerm: { weight: number(1, 100) },
  PodReadinessGate: { conditionType: ofType(labelKey) },
  TopologySpreadConstraint: {
    maxSkew: number(1, int32),
    topologyKey: ofType(labelKey),
    whenUnsatisfiable: choice("DoNotSchedule", "ScheduleAnyway"),
  },
};

const withoutDot =
  (rule: FieldRule): FieldRule["accepts"] =>
  (value) =>
    rule.accepts(String(value).replace(/\.$/, ""));

const searchLabel = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const underscored = matching("", new RegExp(`^${searchLabel}(\\.${searchLabel})*$`), 253);
const searchDomain: FieldRule = {
  words: "a DNS domain in lower case, perhaps with underscores, or a dot",
  accepts: (value) => value === "." || withoutDot(underscored)(value),
};

/** Empty text is as good as any there. */
export const optionalFields: ReadonlySet<string> = new Set(["HTTPHeader.value", "Sysctl.value"]);

/** By "Type.field". */
export function podFields(minor: Minor): Readonly<Record<string, FieldRule>> {
  const variable = isAtLeast(minor, "1.34")
    ? matching("the name of a variable: printable, without =", /^[ -<>-~]+$/)
    : matching(
        "the name of a variable: letters, digits, hyphens, underscores and dots",
        /^[-._a-zA-Z][-._a-zA-Z0-9]*$/,
      );
  const search = isAtLeast(minor, "1.34") ? searchDomain : { ...domain, accepts: withoutDot(domain) };
  const all = {
    ...byType,
    EnvVar: { name: variable },
    PodDNSConfig: { ...byType["PodDNSConfig"], searches: search },
  };
  return Object.fromEntries(
    Object.entries(all).flatMap(([type, fields]) =>
      Object.entries(fields).map(([field, rule]) => [`${type}.${field}`, rule] as const),
    ),
  );
}
