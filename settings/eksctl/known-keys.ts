/**
 * The keys of an eksctl ClusterConfig that say nothing to a host. Source: eksctl's schema,
 * pkg/apis/eksctl.io/v1alpha5/assets/schema.json.
 */

/** What the cluster is, beside its node groups. */
export const clusterKeys: ReadonlySet<string> = words(`
  accessConfig addons addonsConfig apiVersion autoModeConfig availabilityZones capabilities cloudWatch
  controlPlaneScalingConfig fargateProfiles gitops iam iamIdentityMappings identityProviders karpenter kind
  kubeAPIServerConfig kubeControllerManagerConfig kubeSchedulerConfig kubernetesNetworkConfig localZones
  managedNodeGroups metadata nodeGroups outpost privateCluster remoteNetworkConfig secretsEncryption upgradePolicy vpc
  zonalShiftConfig`);

const machineKeys = `
  additionalVolumes ami asgSuspendProcesses availabilityZones capacityReservation desiredCapacity disableIMDSv1
  disablePodIMDS ebsOptimized efaEnabled enableDetailedMonitoring iam instanceMarketOptions instanceName instancePrefix
  instanceSelector instanceType maxSize minSize outpostARN placement privateNetworking propagateASGTags securityGroups
  subnets tags updateConfig volumeEncrypted volumeIOPS volumeKmsKeyID volumeName volumeSize volumeThroughput volumeType`;

/** What eksctl asks AWS for when it makes the machines of a group. */
export const machineKeysOf = {
  nodeGroups: words(`${machineKeys}
    asgMetricsCollection classicLoadBalancerNames containerRuntime cpuCredits enclaveEnabled instancesDistribution
    localZones maxInstanceLifetime targetGroupARNs`),
  managedNodeGroups: words(`${machineKeys} instanceTypes launchTemplate nodeRepairConfig releaseVersion spot`),
} as const satisfies Record<string, ReadonlySet<string>>;

/** What eksctl refuses in a group of Bottlerocket. */
export const refusedKeys: ReadonlySet<string> = words(
  "kubeletExtraConfig overrideBootstrapCommand preBootstrapCommands",
);

/** What becomes settings. */
export const carriedKeysOf = {
  nodeGroups: words("amiFamily bottlerocket clusterDNS labels maxPodsPerNode name ssh taints"),
  managedNodeGroups: words("amiFamily bottlerocket labels maxPodsPerNode name ssh taints"),
} as const satisfies Record<string, ReadonlySet<string>>;

/** Ways into a machine that AWS opens. */
export const sshKeysOfAws: ReadonlySet<string> = words("enableSsm sourceSecurityGroupIds");

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
