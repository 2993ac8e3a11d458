/** The cluster's authority, and the certificate that kubelet serves with when settings bring one. */
import { bundleFile } from "../../../settings/values/pem.ts";
import { configFile } from "../config-file.ts";
import { nodeOf } from "./node.ts";
import { clusterCa, serverCertificate, serverKey } from "./paths.ts";

/** Written anew: kubelet's reader is stricter than ours. */
const bundle = (encoded: string | undefined): string | undefined =>
  encoded === undefined ? undefined : bundleFile(encoded);

export const clusterCaFile = configFile({
  path: clusterCa,
  restart: ["kubelet.service"],
  render: (settings, facts) => bundle(nodeOf(settings, facts)?.kubernetes["cluster-certificate"]),
});

export const serverCertificateFile = configFile({
  path: serverCertificate,
  restart: ["kubelet.service"],
  render: (settings, facts) => bundle(nodeOf(settings, facts)?.kubernetes["server-certificate"]),
});

export const serverKeyFile = configFile({
  path: serverKey,
  mode: 0o600,
  restart: ["kubelet.service"],
  render(settings, facts) {
    const key = nodeOf(settings, facts)?.kubernetes["server-key"];
    return key === undefined ? undefined : Buffer.from(key, "base64").toString("utf8");
  },
});
