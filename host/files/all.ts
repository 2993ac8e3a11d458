/** Every file that is rendered from settings. Those of groups that a variant lacks render to nothing. */
import { awsConfig, awsCredentials, awsEnvironment } from "./aws.ts";
import { baseRuntimeSpec } from "./containers/base-runtime-spec.ts";
import { chronyConf } from "./chrony.ts";
import type { ConfigFiles } from "./config-file.ts";
import { containerdConfig } from "./containers/containerd.ts";
import { resolvedConf } from "./dns.ts";
import { dockerDaemon } from "./ecs/docker-daemon.ts";
import { ecsConfig } from "./ecs/ecs-config.ts";
import { extensionList } from "./extensions.ts";
import { companionMirror } from "./containers/companion-mirror.ts";
import { hostRegistries } from "./containers/host-registries.ts";
import { hostnameFile } from "./hostname.ts";
import { deniedModules } from "./kernel-modules.ts";
import { metrics } from "./metrics.ts";
import { motd } from "./motd.ts";
import { clusterCaFile, serverCertificateFile, serverKeyFile } from "./kubernetes/certificates.ts";
import { credentialProviderFile } from "./kubernetes/credential-providers.ts";
import { bootstrapKubeconfig, kubeconfig } from "./kubernetes/kubeconfig.ts";
import { kubeletConfig } from "./kubernetes/kubelet-config.ts";
import { kubeletEnvironment } from "./kubernetes/kubelet-environment.ts";
import { podNetwork } from "./kubernetes/pod-network.ts";
import { staticPods } from "./kubernetes/static-pods.ts";
import { links } from "./network.ts";
import { nvidiaToolkit } from "./nvidia/toolkit.ts";
import { proxyEnvironment } from "./proxy.ts";
import { registries } from "./containers/registries.ts";
import { trustStore } from "./trust-store.ts";
import { zramSwap } from "./zram.ts";

export const configuration: readonly ConfigFiles[] = [
  motd,
  metrics,
  hostnameFile,
  links,
  resolvedConf,
  chronyConf,
  trustStore,
  proxyEnvironment,
  registries,
  hostRegistries,
  companionMirror,
  extensionList,
  containerdConfig,
  baseRuntimeSpec,
  deniedModules,
  zramSwap,
  awsConfig,
  awsCredentials,
  awsEnvironment,
  nvidiaToolkit,
  dockerDaemon,
  ecsConfig,
  clusterCaFile,
  serverCertificateFile,
  serverKeyFile,
  kubeletConfig,
  kubeconfig,
  bootstrapKubeconfig,
  credentialProviderFile,
  podNetwork,
  staticPods,
  // Last: kubelet starts as soon as it is there.
  kubeletEnvironment,
];
