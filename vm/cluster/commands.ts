/** What each program of a control plane is started with, as data. */
import { join } from "node:path";
import { hostOfGuests } from "../qemu/qemu.ts";
import type { ClusterMinor } from "./minors.ts";
import { clusterDomain, type Pki, serviceRange } from "./pki.ts";

export const programNames = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"] as const;
/** Paths of the programs of a recipe. */
export type Programs = Readonly<Record<(typeof programNames)[number], string>>;

/** The controller manager gives each node a part of it. */
const podRange = "10.244.0.0/16";

export function etcd({ files }: Pki, directory: string, port: number, peerPort: number): [string, ...string[]] {
  const [url, peerUrl] = [`https://127.0.0.1:${port}`, `https://127.0.0.1:${peerPort}`];
  const { certificate, key } = files.etcdServer;
  return [
    "etcd",
    "--name=orlop",
    `--data-dir=${join(directory, "etcd")}`,
    // What it holds ends with the cluster.
    "--unsafe-no-fsync",
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=orlop=${peerUrl}`,
    `--cert-file=${certificate}`,
    `--key-file=${key}`,
    `--trusted-ca-file=${files.etcdCa.certificate}`,
    `--peer-cert-file=${certificate}`,
    `--peer-key-file=${key}`,
    `--peer-trusted-ca-file=${files.etcdCa.certificate}`,
    "--client-cert-auth",
    "--peer-client-cert-auth",
  ];
}

/** Source: kubeadm's static pod of each, of 1.20. */
export function apiServer(
  programs: Programs,
  { files }: Pki,
  { port, etcdPort, egress }: { port: number; etcdPort: number; egress: string },
): [string, ...string[]] {
  return [
    programs["kube-apiserver"],
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--advertise-address=${hostOfGuests}`,
    "--allow-privileged=true",
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    "--enable-bootstrap-token-auth=true",
    `--client-ca-file=${files.ca.certificate}`,
    `--tls-cert-file=${files.apiServer.certificate}`,
    `--tls-private-key-file=${files.apiServer.key}`,
    `--etcd-servers=https://127.0.0.1:${etcdPort}`,
    `--etcd-cafile=${files.etcdCa.certificate}`,
    `--etcd-certfile=${files.etcdClient.certificate}`,
    `--etcd-keyfile=${files.etcdClient.key}`,
    `--kubelet-client-certificate=${files.kubeletClient.certificate}`,
    `--kubelet-client-key=${files.kubeletClient.key}`,
    "--kubelet-preferred-address-types=Hostname",
    `--egress-selector-config-file=${egress}`,
    `--service-cluster-ip-range=${serviceRange}`,
    `--service-account-issuer=https://kubernetes.default.svc.${clusterDomain}`,
    `--service-account-key-file=${files.serviceAccounts.publicKey}`,
    `--service-account-signing-key-file=${files.serviceAccounts.key}`,
  ];
}

export function controllerManager(
  programs: Programs,
  { files }: Pki,
  { certificatesLast, withoutControllers }: { certificatesLast: string; withoutControllers: readonly string[] },
  minor: ClusterMinor,
): [string, ...string[]] {
  return [
    programs["kube-controller-manager"],
    `--kubeconfig=${files.controllerManager}`,
    `--controllers=${["*", "bootstrapsigner", "tokencleaner", ...withoutControllers.map((name) => `-${name}`)].join(",")}`,
    "--allocate-node-cidrs=true",
    `--cluster-cidr=${podRange}`,
    `--service-cluster-ip-range=${serviceRange}`,
    `--cluster-signing-cert-file=${files.ca.certificate}`,
    `--cluster-signing-key-file=${files.ca.key}`,
    `--cluster-signing-duration=${certificatesLast}`,
    `--root-ca-file=${files.ca.certificate}`,
    `--service-account-private-key-file=${files.serviceAccounts.key}`,
    "--use-service-account-credentials=true",
    ...alone(minor),
  ];
}

export function scheduler(programs: Programs, { files }: Pki, minor: ClusterMinor): [string, ...string[]] {
  return [programs["kube-scheduler"], `--kubeconfig=${files.scheduler}`, ...alone(minor)];
}

/** There is no second one to choose between, and nobody asks these for their metrics. */
function alone(minor: ClusterMinor): string[] {
  // Kubernetes 1.24 took the port without TLS away.
  return ["--leader-elect=false", "--secure-port=0", ...(minor === "1.20" ? ["--port=0"] : [])];
}

/** The API server's configuration for the proxy to kubelets. */
export function egressThrough(socket: string): object {
  return {
    apiVersion: "apiserver.k8s.io/v1beta1",
    kind: "EgressSelectorConfiguration",
    egressSelections: [
      { name: "cluster", connection: { proxyProtocol: "HTTPConnect", transport: { uds: { udsName: socket } } } },
    ],
  };
}
