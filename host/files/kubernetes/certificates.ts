/** The cluster's authority, and the certificate that kubelet serves with when settings bring one. */
import { configFile } from "../config-file.ts";
import { nodeOf } from "./node.ts";
import { clusterCa, serverCertificate, serverKey } from "./paths.ts";

const decoded = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : Buffer.from(text, "base64").toString("utf8");

export const clusterCaFile = configFile({
  path: clusterCa,
  restart: ["kubelet.service"],
  render: (settings, facts) => decoded(nodeOf(settings, facts)?.kubernetes["cluster-certificate"]),
});

export const serverCertificateFile = configFile({
  path: serverCertificate,
  restart: ["kubelet.service"],
  render: (settings, facts) => decoded(nodeOf(settings, facts)?.kubernetes["server-certificate"]),
});

export const serverKeyFile = configFile({
  path: serverKey,
  mode: 0o600,
  restart: ["kubelet.service"],
  render: (settings, facts) => decoded(nodeOf(settings, facts)?.kubernetes["server-key"]),
});
