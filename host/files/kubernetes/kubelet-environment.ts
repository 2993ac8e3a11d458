/**
 * Kubelet's command line, as the environment of its unit. It is there when the node has a cluster or is alone, and
 * starts kubelet by being there (`os/kubernetes/units/kubelet.path`).
 */
import { credentialProviders } from "../../../settings/model/selection.ts";
import { isAtLeast } from "../../../settings/model/setting.ts";
import { configFile } from "../config-file.ts";
import { environmentFile } from "../environment-file.ts";
import { enabledProviders } from "./credential-providers.ts";
import { taints } from "./kubelet-config.ts";
import { bootstrapKubeconfigPath, kubeconfigPath } from "./kubeconfig.ts";
import { type KubernetesNode, nodeOf } from "./node.ts";
import { credentialProviderConfig, kubeletConfigPath, kubeletDirectory } from "./paths.ts";

/**
 * Where kubelet writes its kubeconfig when it gets a certificate by a token: the server and authority of the bootstrap
 * one, with the certificate's path. The directory ends with each run of kubelet, so a changed server is taken in.
 */
const ownKubeconfig = "/run/kubelet/kubeconfig";

export const kubeletEnvironment = configFile({
  path: `${kubeletDirectory}/env`,
  restart: ["kubelet.service"],
  render(settings, facts) {
    const node = nodeOf(settings, facts);
    return node === undefined ? undefined : environmentFile([["KUBELET_ARGS", flagsOf(node).join(" ")]]);
  },
});

export function flagsOf(node: KubernetesNode): string[] {
  const { kubernetes, minor, cluster } = node;
  const flags = [
    ["config", kubeletConfigPath],
    ...(isAtLeast(minor, "1.27")
      ? []
      : [
          ["container-runtime", "remote"],
          ["container-runtime-endpoint", "unix:///run/containerd/containerd.sock"],
        ]),
    ...(cluster === undefined ? [] : clusterFlags(node)),
    ["node-ip", kubernetes["node-ip"]],
    ["hostname-override", kubernetes["hostname-override"]],
    ...(enabledProviders(kubernetes).length === 0
      ? []
      : [
          ["image-credential-provider-config", credentialProviderConfig],
          ["image-credential-provider-bin-dir", `/${credentialProviders}`],
        ]),
    ["v", String(kubernetes["log-level"])],
  ] as const;
  return flags.flatMap(([name, value]) => (value === undefined || value === "" ? [] : [`--${name}=${value}`]));
}

function clusterFlags({ kubernetes, minor }: KubernetesNode): [name: string, value: string | undefined][] {
  const labels = Object.entries(kubernetes["node-labels"]).map(([key, value]) => `${key}=${value}`);
  const tainted = taints(kubernetes).map(({ key, value, effect }) => `${key}=${value}:${effect}`);
  return [
    ...(kubernetes["authentication-mode"] === "tls"
      ? ([
          ["kubeconfig", ownKubeconfig],
          ["bootstrap-kubeconfig", bootstrapKubeconfigPath],
        ] as [string, string][])
      : ([["kubeconfig", kubeconfigPath]] as [string, string][])),
    ["cloud-provider", kubernetes["cloud-provider"]],
    ["node-labels", labels.join(",")],
    // Later minors have them in the configuration file.
    ...(isAtLeast(minor, "1.23") ? [] : ([["register-with-taints", tainted.join(",")]] as [string, string][])),
  ];
}
