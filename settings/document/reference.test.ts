/** Protects: every setting that Bottlerocket 1.3.0 has, and those it got later that concern us, keep their names. */
import { expect, test } from "bun:test";
import { awsModel, everyVariant, modelNamed } from "../../test/worlds/host/models.ts";
import type { Model } from "../model/model.ts";

const everywhere = `
motd
container-registry.mirrors container-registry.credentials
updates.metadata-base-url updates.targets-base-url updates.seed updates.version-lock updates.ignore-waves
host-containers.a.source host-containers.a.enabled host-containers.a.superpowered host-containers.a.user-data
host-containers.a.command
bootstrap-containers.a.source bootstrap-containers.a.mode bootstrap-containers.a.user-data
bootstrap-containers.a.essential bootstrap-containers.a.command
bootstrap-commands.a.commands bootstrap-commands.a.mode bootstrap-commands.a.essential
network.hostname network.https-proxy network.no-proxy network.hosts network.disable-ipv6
dns.name-servers dns.search-list
ntp.time-servers ntp.options ntp.logging
kernel.lockdown kernel.sysctl.a kernel.modules.a.allowed kernel.modules.a.autoload
kernel.hugepages.static.essential kernel.hugepages.static.2Mi.count
kernel.hugepages.transparent.enabled kernel.hugepages.transparent.defrag
boot.kernel-parameters.a boot.init-parameters.a boot.reboot-to-reconcile
metrics.metrics-url metrics.send-metrics metrics.service-checks
pki.a.data pki.a.trusted
oci-hooks.log4j-hotpatch-enabled
oci-defaults.capabilities.sys-admin oci-defaults.resource-limits.max-open-files.soft-limit
oci-defaults.resource-limits.max-open-files.hard-limit
container-runtime.enable-unprivileged-icmp container-runtime.enable-unprivileged-ports
container-runtime.max-concurrent-downloads container-runtime.max-container-log-line-size
container-runtime.snapshotter container-runtime.concurrent-download-chunk-size
container-runtime.concurrent-layer-fetch-buffer container-runtime.max-concurrent-unpacks container-runtime.log-level
api.socket.workloads api.remote.enabled api.remote.port api.remote.client-cas.a api.remote.roles.a
`;

const aws = `
aws.region aws.config aws.credentials aws.profile
`;

const ec2 = `
autoscaling.should-wait cloudformation.should-signal cloudformation.stack-name cloudformation.logical-resource-id
`;

const kubernetes = `
cluster-name cluster-certificate api-server node-labels.a node-taints.a static-pods.a.enabled static-pods.a.manifest
authentication-mode bootstrap-token standalone-mode eviction-hard."memory.available" kube-reserved.cpu
system-reserved.memory allowed-unsafe-sysctls server-tls-bootstrap cloud-provider registry-qps registry-burst event-qps
event-burst kube-api-qps kube-api-burst container-log-max-size container-log-max-files cpu-manager-policy
cpu-manager-reconcile-period topology-manager-scope topology-manager-policy max-pods cluster-dns-ip cluster-domain
node-ip pod-infra-container-image provider-id pod-pids-limit image-gc-high-threshold-percent
image-gc-low-threshold-percent log-level eviction-soft."nodefs.inodesFree" eviction-soft-grace-period."pid.available"
eviction-max-pod-grace-period server-certificate server-key cpu-cfs-quota-enforced hostname-override reserved-cpus
hostname-override-source device-ownership-from-security-context static-pods-enabled kube-reserved.pid
system-reserved.pid image-minimum-gc-age enable-debugging-handlers
`;

const laterKubernetes = `
credential-providers.ecr-credential-provider.enabled credential-providers.ecr-credential-provider.image-patterns
credential-providers.ecr-credential-provider.cache-duration credential-providers.ecr-credential-provider.environment.A
shutdown-grace-period shutdown-grace-period-for-critical-pods cpu-manager-policy-options memory-manager-policy
memory-manager-reserved-memory.0.enabled memory-manager-reserved-memory.0.memory
memory-manager-reserved-memory.0.hugepages-2Mi memory-manager-reserved-memory.0.hugepages-1Gi seccomp-default
container-log-max-workers container-log-monitor-interval single-process-oom-kill memory-swap-behavior
image-maximum-gc-age max-parallel-image-pulls ids-per-pod prefer-closest-numa-nodes max-allowable-numa-nodes
fail-cgroupv1 memory-throttling-factor
`;

const ecs = `
cluster instance-attributes.a allow-privileged-containers logging-drivers loglevel enable-spot-instance-draining
image-pull-behavior container-stop-timeout task-cleanup-wait metadata-service-rps metadata-service-burst
reserved-memory image-cleanup-wait image-cleanup-delete-per-cycle image-cleanup-enabled image-cleanup-age backend-host
awsvpc-block-imds enable-container-metadata
`;

const nvidiaRuntime = `
visible-devices-as-volume-mounts visible-devices-envvar-when-unprivileged
`;

const keysIn = (list: string, group = ""): string[] =>
  list
    .trim()
    .split(/\s+/)
    .map((key) => `settings.${group}${key}`);

function missing(model: Model, keys: readonly string[]): string[] {
  return keys.filter((key) => !model.hasPrefix(key));
}

test.each(everyVariant)("$name has the settings that its kind has", (variant) => {
  const model = modelNamed(variant.name);
  expect(missing(model, keysIn(everywhere))).toEqual([]);
  const groups = [
    // Hybrid nodes of Amazon EKS run anywhere.
    { keys: keysIn(aws), isHere: variant.platform === "aws" || variant.orchestrator.kind === "kubernetes" },
    { keys: keysIn(ec2), isHere: variant.platform === "aws" },
    { keys: keysIn(kubernetes, "kubernetes."), isHere: variant.orchestrator.kind === "kubernetes" },
    { keys: keysIn(ecs, "ecs."), isHere: variant.orchestrator.kind === "ecs" },
    {
      keys: keysIn(nvidiaRuntime, "nvidia-container-runtime."),
      isHere: variant.groups.includes("nvidia-container-runtime"),
    },
  ];
  for (const { keys, isHere } of groups) expect(missing(model, keys)).toEqual(isHere ? [] : keys);
});

test("settings of later kubelets are there with a later kubelet only", () => {
  const keys = keysIn(laterKubernetes, "kubernetes.");
  expect(missing(awsModel("1.33"), keys)).toEqual([]);
  expect(missing(awsModel("1.20"), keys)).toEqual(keys);
});
