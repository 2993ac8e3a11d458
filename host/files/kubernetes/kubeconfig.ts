/**
 * How the node reaches the cluster: with a certificate that it asks for by a token, or with its AWS role.
 *
 * Programs on the host and pods that act for the node find the kubeconfig at the path that they know from Bottlerocket.
 */
import type { Settings } from "../../../settings/model/model.ts";
import { configFile } from "../config-file.ts";
import { json, type KubernetesNode, nodeOf } from "./node.ts";
import { clientCertificate, clusterCa, kubeletDirectory } from "./paths.ts";

export const kubeconfigPath = `${kubeletDirectory}/kubeconfig`;
export const bootstrapKubeconfigPath = `${kubeletDirectory}/bootstrap-kubeconfig`;

export const kubeconfig = configFile({
  path: kubeconfigPath,
  mode: 0o600,
  restart: ["kubelet.service"],
  render(settings, facts) {
    const node = nodeOf(settings, facts);
    if (node?.cluster === undefined) return undefined;
    return json(kubeconfigOf(node.cluster.server, userOf(node, settings)));
  },
});

export const bootstrapKubeconfig = configFile({
  path: bootstrapKubeconfigPath,
  mode: 0o600,
  restart: ["kubelet.service"],
  render(settings, facts) {
    const node = nodeOf(settings, facts);
    const token = node?.kubernetes["bootstrap-token"];
    if (node?.cluster === undefined || token === undefined) return undefined;
    if (node.kubernetes["authentication-mode"] !== "tls") return undefined;
    return json(kubeconfigOf(node.cluster.server, { token }));
  },
});

function userOf({ kubernetes }: KubernetesNode, { aws }: Settings): Record<string, unknown> {
  if (kubernetes["authentication-mode"] === "tls") {
    return { "client-certificate": clientCertificate, "client-key": clientCertificate };
  }
  const region = aws?.region;
  return {
    exec: {
      apiVersion: "client.authentication.k8s.io/v1beta1",
      command: "/usr/bin/aws-iam-authenticator",
      args: ["token", "-i", kubernetes["cluster-name"], ...(region === undefined ? [] : ["--region", region])],
    },
  };
}

function kubeconfigOf(server: string, user: Record<string, unknown>): Record<string, unknown> {
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "kubernetes", cluster: { "certificate-authority": clusterCa, server } }],
    users: [{ name: "kubelet", user }],
    contexts: [{ name: "kubelet", context: { cluster: "kubernetes", user: "kubelet" } }],
    "current-context": "kubelet",
  };
}
