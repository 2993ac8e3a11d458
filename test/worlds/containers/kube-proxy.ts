/** kube-proxy for the nodes of a test's cluster, as kubeadm has it: a DaemonSet, in iptables mode. */
import { copyFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { makeToolsImage } from "../../../image/oci/tools-image.ts";
import { epochSecondsOf, readLock } from "../../../image/packages/lock.ts";
import { machineArchitecture, openToolsRoot } from "../../../image/packages/tools-root.ts";
import { makeProgram } from "../../../image/recipes/programs.ts";

/** What it runs, with the libraries of that; all of it is in the lock for other images. */
const packages = [
  "conntrack",
  "gcc-14-base",
  "iptables",
  "libc-bin",
  "libc6",
  "libgcc-s1",
  "libip4tc2",
  "libip6tc2",
  "libmnl0",
  "libnetfilter-conntrack3",
  "libnfnetlink0",
  "libnftnl11",
  "libxtables12",
  "netbase",
];
/** What the maintainer script of iptables makes, and kube-proxy calls. */
const iptables = ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];

const name = "kube-proxy";
const namespace = "kube-system";
const configuration = "/var/lib/kube-proxy";

/** Makes its layout; the directory goes when the caller is done. */
export async function kubeProxyImage(signal: AbortSignal): Promise<AsyncDisposable & { layout: string }> {
  const architecture = machineArchitecture();
  const lock = await readLock(architecture);
  const { path: program } = await makeProgram("kubernetes-1.20/kube-proxy", { architecture, fetch: { signal } });
  return await makeToolsImage({
    packages: await openToolsRoot({ lock: { ...lock, sets: { [name]: packages } }, sets: [name], signal }),
    async furnish(tree) {
      await mkdir(join(tree, "usr/local/bin"), { recursive: true });
      await mkdir(join(tree, "usr/sbin"));
      await copyFile(program, join(tree, "usr/local/bin", name));
      for (const link of iptables) await symlink("xtables-nft-multi", join(tree, "usr/sbin", link));
    },
    description: name,
    entrypoint: [`/usr/local/bin/${name}`, `--config=${configuration}/config`],
    epochSeconds: epochSecondsOf(lock),
  });
}

/**
 * What to apply to a cluster. Source: kubeadm's addon phase.
 *
 * @param server of the API, as nodes reach it without kube-proxy
 */
export function kubeProxyObjects({ image, server }: { image: string; server: string }): object {
  const metadata = { name, namespace, labels: { "k8s-app": name } };
  const credentials = "/var/run/secrets/kubernetes.io/serviceaccount";
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "default", cluster: { server, "certificate-authority": `${credentials}/ca.crt` } }],
    users: [{ name: "default", user: { tokenFile: `${credentials}/token` } }],
    contexts: [{ name: "default", context: { cluster: "default", user: "default" } }],
    "current-context": "default",
  };
  const config = {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    clientConnection: { kubeconfig: `${configuration}/kubeconfig` },
    // The host's own limit stays.
    conntrack: { maxPerCore: 0 },
  };
  const container = {
    name,
    image,
    securityContext: { privileged: true },
    env: [{ name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
    args: ["--hostname-override=$(NODE_NAME)"],
    volumeMounts: [
      { name: "configuration", mountPath: configuration },
      { name: "xtables-lock", mountPath: "/run/xtables.lock" },
    ],
  };
  return {
    apiVersion: "v1",
    kind: "List",
    items: [
      { apiVersion: "v1", kind: "ServiceAccount", metadata },
      {
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRoleBinding",
        metadata: { name: "kubeadm:node-proxier" },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:node-proxier" },
        subjects: [{ kind: "ServiceAccount", name, namespace }],
      },
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata,
        data: { config: JSON.stringify(config), kubeconfig: JSON.stringify(kubeconfig) },
      },
      {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata,
        spec: {
          selector: { matchLabels: metadata.labels },
          template: {
            metadata: { labels: metadata.labels },
            spec: {
              serviceAccountName: name,
              hostNetwork: true,
              priorityClassName: "system-node-critical",
              tolerations: [{ operator: "Exists" }],
              containers: [container],
              volumes: [
                { name: "configuration", configMap: { name } },
                { name: "xtables-lock", hostPath: { path: "/run/xtables.lock", type: "FileOrCreate" } },
              ],
            },
          },
        },
      },
    ],
  };
}
