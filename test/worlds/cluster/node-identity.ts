/** The identity of a node, got as kubelet gets it: a certificate request by a bootstrap token, which is approved by itself. */
import "reflect-metadata"; // x509 looks its parts up by decorators
import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import type { ControlPlane } from "../../../vm/cluster/control-plane.ts";

const csrPath = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const issuedMs = 30_000;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export type NodeIdentity = { certificate: string; key: string };

export async function nodeIdentity(cluster: ControlPlane, node: string): Promise<NodeIdentity> {
  const name = `node-${node}`;
  const keys = await requestCertificate(cluster, name, `O=system:nodes,CN=system:node:${node}`);
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const lines = key.match(/.{1,64}/g)?.join("\n") ?? "";
  return {
    certificate: (await issuedCertificate(cluster, name)).toString(),
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
  };
}

/** @param subject "O=system:nodes,CN=system:node:NAME" */
export async function requestCertificate(
  { port, pki }: ControlPlane,
  name: string,
  subject: string,
): Promise<CryptoKeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const csr = await Pkcs10CertificateRequestGenerator.create({ name: subject, keys, signingAlgorithm: algorithm });
  const created = await fetch(`https://127.0.0.1:${port}${csrPath}`, {
    method: "POST",
    headers: { authorization: `Bearer ${pki.token}`, "content-type": "application/json" },
    tls: { ca: pki.ca },
    body: JSON.stringify({
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { name },
      spec: {
        request: Buffer.from(csr.toString("pem")).toString("base64"),
        signerName: "kubernetes.io/kube-apiserver-client-kubelet",
        usages: ["digital signature", "key encipherment", "client auth"],
      },
    }),
  });
  if (created.status !== 201)
    throw new Error(`the request ${name} is refused: ${created.status} ${await created.text()}`);
  return keys;
}

export async function issuedCertificate(cluster: ControlPlane, name: string): Promise<Buffer> {
  const words = ["get", "csr", name, "--output=jsonpath={.status.certificate}"];
  for (const deadlineMs = performance.now() + issuedMs; performance.now() < deadlineMs; await Bun.sleep(100)) {
    const { stdout } = await cluster.kubectl(words);
    if (stdout !== "") return Buffer.from(stdout, "base64");
  }
  throw new Error(`nobody signed the request ${name}`);
}
