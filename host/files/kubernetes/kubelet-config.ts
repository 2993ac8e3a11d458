/**
 * Kubelet's configuration file. Sources: kubelet.config.k8s.io/v1beta1, KubeletConfiguration, of each minor; what is
 * not a setting is as in Bottlerocket.
 *
 * Kubelet refuses fields that it does not know, so a field of a later minor is written only when its setting is set,
 * and the model refuses such a setting on an earlier minor.
 */
import { isAtLeast } from "../../../settings/model/setting.ts";
import type { Facts } from "../../machine/facts.ts";
import { configFile } from "../config-file.ts";
import { kubeReserved } from "./kube-reserved.ts";
import { enabledIn, json, type Kubernetes, type KubernetesNode, nodeOf } from "./node.ts";
import { clusterCa, kubeletConfigPath, serverCertificate, serverKey, staticPodDirectory } from "./paths.ts";

export const kubeletConfig = configFile({
  path: kubeletConfigPath,
  mode: 0o600,
  restart: ["kubelet.service"],
  render(settings, facts) {
    const node = nodeOf(settings, facts);
    return node === undefined ? undefined : json(configurationOf(node, facts));
  },
});

export function configurationOf(node: KubernetesNode, facts: Facts): Record<string, unknown> {
  const { kubernetes, minor } = node;
  return {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    ...access(node),
    ...certificates(node),
    clusterDomain: kubernetes["cluster-domain"],
    clusterDNS: kubernetes["cluster-dns-ip"],
    providerID: kubernetes["provider-id"],
    ...(node.cluster === undefined ? { podCIDR: kubernetes["pod-cidr"] } : {}),
    ...(isAtLeast(minor, "1.27") ? { containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock" } : {}),
    ...(isAtLeast(minor, "1.23") ? { registerWithTaints: taints(kubernetes) } : {}),
    resolvConf: "/run/systemd/resolve/resolv.conf",
    hairpinMode: "hairpin-veth",
    ...(kubernetes["static-pods-enabled"] ? { staticPodPath: staticPodDirectory } : {}),
    volumePluginDir: "/var/lib/kubelet/plugins/volume/exec",
    ...resources(kubernetes, facts),
    ...eviction(kubernetes),
    ...limits(kubernetes),
    ...images(kubernetes),
    ...topology(kubernetes),
    ...swap(node),
    shutdownGracePeriod: kubernetes["shutdown-grace-period"],
    shutdownGracePeriodCriticalPods: kubernetes["shutdown-grace-period-for-critical-pods"],
    featureGates: featureGates(kubernetes),
  };
}

/**
 * Alone, kubelet has nobody to ask who may do what, and nobody who would have something to ask it: no way of logging in
 * is on, so a pod on the host's network gets no further than "unauthorized". That it is well it says on another port.
 */
function access({ cluster }: KubernetesNode) {
  return cluster === undefined
    ? {
        address: "127.0.0.1",
        authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
        authorization: { mode: "AlwaysAllow" },
        readOnlyPort: 0,
      }
    : {
        address: "0.0.0.0",
        authentication: {
          anonymous: { enabled: false },
          webhook: { enabled: true, cacheTTL: "2m0s" },
          x509: { clientCAFile: clusterCa },
        },
        authorization: { mode: "Webhook", webhook: { cacheAuthorizedTTL: "5m0s", cacheUnauthorizedTTL: "30s" } },
        readOnlyPort: 0,
      };
}

/**
 * With forward secrecy and authenticated encryption, for clients that speak TLS 1.2. Source: CIS Kubernetes Benchmark 1.8, 4.2.12;
 * the names are those that kubelet 1.20 has too.
 */
export const strongCiphers = [
  "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
  "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
  "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
  "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
  "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
];

function certificates({ kubernetes, cluster }: KubernetesNode) {
  const hasServerCertificate = kubernetes["server-certificate"] !== undefined && kubernetes["server-key"] !== undefined;
  return {
    rotateCertificates: cluster !== undefined && kubernetes["authentication-mode"] === "tls",
    ...(hasServerCertificate
      ? { tlsCertFile: serverCertificate, tlsPrivateKeyFile: serverKey }
      : { serverTLSBootstrap: cluster !== undefined && kubernetes["server-tls-bootstrap"] }),
    tlsMinVersion: "VersionTLS12",
    tlsCipherSuites: strongCiphers,
  };
}

export type Taint = { key: string; value: string; effect: string };

/** Taints are written "value:effect", and several of one key as a list. */
export function taints(kubernetes: Kubernetes): Taint[] {
  return Object.entries(kubernetes["node-taints"]).flatMap(([key, all]) =>
    all.map((text) => {
      const [value = "", effect = ""] = text.split(":");
      return { key, value, effect };
    }),
  );
}

function resources(kubernetes: Kubernetes, { processors }: Facts) {
  const system = kubernetes["system-reserved"];
  const reservedCpus = kubernetes["reserved-cpus"];
  const memory = enabledIn(kubernetes["memory-manager-reserved-memory"]);
  return {
    maxPods: kubernetes["max-pods"],
    cgroupDriver: "systemd",
    cgroupRoot: "/",
    kubeReserved: kubeReserved(kubernetes, processors),
    ...(Object.keys(system).length === 0 ? {} : { systemReserved: system }),
    // Kubelet refuses to know the cgroups of what is reserved beside the processors that are.
    ...(reservedCpus === undefined
      ? {
          kubeReservedCgroup: "/runtime",
          ...(Object.keys(system).length === 0 ? {} : { systemReservedCgroup: "/system" }),
        }
      : { reservedSystemCPUs: reservedCpus }),
    memoryManagerPolicy: kubernetes["memory-manager-policy"],
    ...(memory.length === 0
      ? {}
      : {
          reservedMemory: memory.map(([node, { memory: plain, "hugepages-2Mi": small, "hugepages-1Gi": large }]) => ({
            numaNode: Number(node),
            limits: { memory: plain, "hugepages-2Mi": small, "hugepages-1Gi": large },
          })),
        }),
    memoryThrottlingFactor: kubernetes["memory-throttling-factor"],
    protectKernelDefaults: true,
    failCgroupV1: kubernetes["fail-cgroupv1"],
  };
}

/** Kubelet does not start on a host that has swap space, unless its configuration allows it. */
function swap({ kubernetes, hasSwap }: KubernetesNode) {
  const behavior = kubernetes["memory-swap-behavior"];
  return {
    ...(hasSwap || behavior !== undefined ? { failSwapOn: false } : {}),
    ...(behavior === undefined ? {} : { memorySwap: { swapBehavior: behavior } }),
  };
}

function eviction(kubernetes: Kubernetes) {
  const filled = (name: string, value: Record<string, string>): Record<string, unknown> =>
    Object.keys(value).length === 0 ? {} : { [name]: value };
  return {
    ...filled("evictionHard", kubernetes["eviction-hard"]),
    ...filled("evictionSoft", kubernetes["eviction-soft"]),
    ...filled("evictionSoftGracePeriod", kubernetes["eviction-soft-grace-period"]),
    evictionMaxPodGracePeriod: kubernetes["eviction-max-pod-grace-period"],
  };
}

function limits(kubernetes: Kubernetes) {
  const ids = kubernetes["ids-per-pod"];
  return {
    podPidsLimit: kubernetes["pod-pids-limit"],
    registryPullQPS: kubernetes["registry-qps"],
    registryBurst: kubernetes["registry-burst"],
    eventRecordQPS: kubernetes["event-qps"],
    eventBurst: kubernetes["event-burst"],
    kubeAPIQPS: kubernetes["kube-api-qps"],
    kubeAPIBurst: kubernetes["kube-api-burst"],
    allowedUnsafeSysctls: kubernetes["allowed-unsafe-sysctls"],
    cpuCFSQuota: kubernetes["cpu-cfs-quota-enforced"],
    seccompDefault: kubernetes["seccomp-default"],
    enableDebuggingHandlers: kubernetes["enable-debugging-handlers"],
    singleProcessOOMKill: kubernetes["single-process-oom-kill"],
    ...(ids === undefined ? {} : { userNamespaces: { idsPerPod: ids } }),
  };
}

function images(kubernetes: Kubernetes) {
  return {
    serializeImagePulls: false,
    maxParallelImagePulls: kubernetes["max-parallel-image-pulls"],
    runtimeRequestTimeout: "15m0s",
    imageGCHighThresholdPercent: kubernetes["image-gc-high-threshold-percent"],
    imageGCLowThresholdPercent: kubernetes["image-gc-low-threshold-percent"],
    imageMinimumGCAge: kubernetes["image-minimum-gc-age"],
    imageMaximumGCAge: kubernetes["image-maximum-gc-age"],
    containerLogMaxSize: kubernetes["container-log-max-size"],
    containerLogMaxFiles: kubernetes["container-log-max-files"],
    containerLogMaxWorkers: kubernetes["container-log-max-workers"],
    containerLogMonitorInterval: kubernetes["container-log-monitor-interval"],
  };
}

function topology(kubernetes: Kubernetes) {
  const cpuOptions = kubernetes["cpu-manager-policy-options"] ?? [];
  const closest = kubernetes["prefer-closest-numa-nodes"];
  const nodes = kubernetes["max-allowable-numa-nodes"];
  return {
    cpuManagerPolicy: kubernetes["cpu-manager-policy"] ?? "none",
    cpuManagerReconcilePeriod: kubernetes["cpu-manager-reconcile-period"],
    ...(cpuOptions.length === 0
      ? {}
      : { cpuManagerPolicyOptions: Object.fromEntries(cpuOptions.map((name) => [name, "true"])) }),
    topologyManagerPolicy: kubernetes["topology-manager-policy"],
    topologyManagerScope: kubernetes["topology-manager-scope"],
    ...(closest === undefined && nodes === undefined
      ? {}
      : {
          topologyManagerPolicyOptions: {
            ...(closest === undefined ? {} : { "prefer-closest-numa-nodes": String(closest) }),
            ...(nodes === undefined ? {} : { "max-allowable-numa-nodes": String(nodes) }),
          },
        }),
  };
}

/** What is not on by itself in the minor that has the setting. */
function featureGates(kubernetes: Kubernetes): Record<string, boolean> | undefined {
  return kubernetes["memory-throttling-factor"] === undefined ? undefined : { MemoryQoS: true };
}
