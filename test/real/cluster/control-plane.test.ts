/**
 * Protects: the control plane that nodes of tests join lets in whom a cluster of kubeadm lets in, and nobody else.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { type ControlPlane, startControlPlane } from "../../../vm/cluster/control-plane.ts";
import { issuedCertificate, requestCertificate } from "../../worlds/cluster/node-identity.ts";

/** Its programs, where none is in the cache. */
const compileMs = 45 * 60_000;
const csrPath = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

let cluster: ControlPlane;
beforeAll(async () => {
  cluster = await startControlPlane({
    directory: join(import.meta.dir, "../../../build/test/control-plane"),
    kubeletPort: async () => Promise.resolve(undefined),
    signal: new AbortController().signal,
  });
}, compileMs);
afterAll(async () => cluster?.[Symbol.asyncDispose]());

async function asNobody(path: string, token: string, body?: object): Promise<Response> {
  return await fetch(`https://127.0.0.1:${cluster.port}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    tls: { ca: cluster.pki.ca },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

test("who may do everything may, and the API is not there for who shows nothing", async () => {
  expect((await cluster.get("/api/v1/namespaces/kube-system/secrets")).status).toBe(200);
  const nobody = await fetch(`https://127.0.0.1:${cluster.port}/api/v1/nodes`, { tls: { ca: cluster.pki.ca } });
  expect(nobody.status).toBe(403);
});

test("a bootstrap token asks for a node's certificate and does nothing else", async () => {
  const { token } = cluster.pki;
  expect((await asNobody(csrPath, "abcdef.0123456789abcdef")).status).toBe(401);
  expect((await asNobody(csrPath, token)).status).toBe(200);
  expect((await asNobody("/api/v1/namespaces/kube-system/secrets", token)).status).toBe(403);
  expect((await asNobody("/api/v1/nodes", token)).status).toBe(403);
});

test("the request of a node is approved and signed by itself; one of somebody else is not", async () => {
  await requestCertificate(cluster, "node-1", "O=system:nodes,CN=system:node:node-1");
  const certificate = new X509Certificate(await issuedCertificate(cluster, "node-1"));
  expect(certificate.subject).toBe("O=system:nodes\nCN=system:node:node-1");
  expect(certificate.checkIssued(new X509Certificate(cluster.pki.ca))).toBe(true);
  await requestCertificate(cluster, "intruder", "O=system:masters,CN=intruder");
  const answer = await cluster.get(`${csrPath}/intruder`);
  expect(await answer.json()).not.toHaveProperty("status.certificate");
});

test("without its API server nothing answers; with it again, all is as it was", async () => {
  await cluster.stopApiServer();
  await expect(cluster.get("/readyz")).rejects.toThrow();
  await cluster.startApiServer(AbortSignal.timeout(120_000));
  expect((await cluster.kubectl(["get", "csr", "--output=name"])).stdout).toContain("/node-1\n");
});
