/**
 * Keys and certificates of a control plane, with kubeadm's names, subjects and files: what a cluster on this computer
 * trusts, and whom. Source: kubeadm's phases certs and kubeconfig.
 */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Issued, makeAuthority, makeKeyPair } from "../authority.ts";
import { hostOfGuests } from "../qemu/qemu.ts";

/** The service `kubernetes`, at the first address of `serviceRange`. */
const apiService = "10.96.0.1";
export const serviceRange = "10.96.0.0/12";
export const clusterDomain = "cluster.local";

export type Pki = {
  /** The cluster's authority in PEM. */
  ca: string;
  admin: Issued;
  /** "abcdef.0123456789abcdef" */
  token: string;
  files: PkiFiles;
};

export type PkiFiles = ReturnType<typeof pkiFiles>;

export function pkiFiles(directory: string) {
  const inside = (name: string): string => join(directory, name);
  const pair = (name: string) => ({ certificate: inside(`${name}.crt`), key: inside(`${name}.key`) });
  return {
    ca: pair("ca"),
    apiServer: pair("apiserver"),
    kubeletClient: pair("apiserver-kubelet-client"),
    etcdClient: pair("apiserver-etcd-client"),
    etcdCa: pair("etcd-ca"),
    etcdServer: pair("etcd-server"),
    serviceAccounts: { publicKey: inside("sa.pub"), key: inside("sa.key") },
    admin: inside("admin.conf"),
    controllerManager: inside("controller-manager.conf"),
    scheduler: inside("scheduler.conf"),
  } as const;
}

/** As kubeadm: certificates are good from five minutes before they are made, authorities for ten years. */
const slackMs = 5 * 60_000;
const lifetimeMs = 10 * 365 * 24 * 3600 * 1000;

/**
 * Writes all of it into a directory, which is made.
 *
 * @param server URL of the API server on this computer
 */
export async function makePki(directory: string, server: string): Promise<Pki> {
  const files = pkiFiles(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const write = async ({ certificate, key }: Issued, place: { certificate: string; key: string }): Promise<void> => {
    await writeFile(place.certificate, certificate);
    await writeFile(place.key, key, { mode: 0o600 });
  };
  const nowMs = Date.now();
  const lifetime = { notBefore: new Date(nowMs - slackMs), notAfter: new Date(nowMs + lifetimeMs) };
  const ca = await makeAuthority("kubernetes", lifetime);
  const etcdCa = await makeAuthority("etcd-ca", lifetime);
  await write(ca, files.ca);
  await write(etcdCa, files.etcdCa);
  const services = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const serverNames = [...services, `kubernetes.default.svc.${clusterDomain}`, apiService, "127.0.0.1", hostOfGuests];
  await write(await ca.issue({ commonName: "kube-apiserver", serverNames }), files.apiServer);
  await write(await ca.issue(masters("kube-apiserver-kubelet-client")), files.kubeletClient);
  await write(await etcdCa.issue(masters("kube-apiserver-etcd-client")), files.etcdClient);
  const etcd = { commonName: "etcd", client: true, serverNames: ["127.0.0.1", "localhost"] };
  await write(await etcdCa.issue(etcd), files.etcdServer);
  const { publicKey, privateKey } = await makeKeyPair();
  await writeFile(files.serviceAccounts.publicKey, publicKey);
  await writeFile(files.serviceAccounts.key, privateKey, { mode: 0o600 });

  const admin = await ca.issue(masters("kubernetes-admin"));
  const kubeconfig = async (path: string, user: Issued): Promise<void> =>
    writeFile(path, kubeconfigOf(server, ca.certificate, user), { mode: 0o600 });
  await kubeconfig(files.admin, admin);
  for (const [name, path] of [
    ["kube-controller-manager", files.controllerManager],
    ["kube-scheduler", files.scheduler],
  ] as const) {
    await kubeconfig(path, await ca.issue({ commonName: `system:${name}`, client: true }));
  }
  return { ca: ca.certificate, admin, token: newToken(), files };
}

function masters(commonName: string) {
  return { commonName, organizations: ["system:masters"], client: true };
}

/** JSON is YAML. */
function kubeconfigOf(server: string, ca: string, { certificate, key }: Issued): string {
  const encoded = (pem: string): string => Buffer.from(pem).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "orlop", cluster: { server, "certificate-authority-data": encoded(ca) } }],
    users: [
      { name: "orlop", user: { "client-certificate-data": encoded(certificate), "client-key-data": encoded(key) } },
    ],
    contexts: [{ name: "orlop", context: { cluster: "orlop", user: "orlop" } }],
    "current-context": "orlop",
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function newToken(): string {
  return `${randomBytes(3).toString("hex")}.${randomBytes(8).toString("hex")}`;
}
