/** Protects: an update of a node counts as good only when the cluster takes the node for ready. */
import { expect, test } from "bun:test";
import { factsOf, settingsOf } from "../../test/settings.ts";
import { testSystem } from "../../test/system.ts";
import { clientCertificate } from "../files/kubernetes/paths.ts";
import { nodeCheck } from "./node-ready.ts";

const { signal } = new AbortController();
const variant = "metal-k8s-1.20";

async function said(answer: Response, { certificate = true } = {}): Promise<string[] | undefined> {
  await using host = await testSystem();
  if (certificate) await host.write(clientCertificate, "certificate and key");
  const asked: string[] = [];
  const system = {
    ...host.system,
    fetch: async (url: URL) => {
      asked.push(url.href);
      return await Promise.resolve(answer);
    },
  };
  const kubernetes = {
    "api-server": "https://api.example.com:6443",
    "cluster-certificate": "Y2EK",
    "bootstrap-token": "abcdef.0123456789abcdef",
    "hostname-override": "node-1",
  };
  const check = nodeCheck(system, settingsOf({ kubernetes }, variant), factsOf(variant));
  const sentences = await check?.(signal);
  if (certificate) expect(asked).toEqual(["https://api.example.com:6443/api/v1/nodes/node-1"]);
  return sentences;
}

const node = (status: string): Response =>
  Response.json({ status: { conditions: [{ type: "Ready", status, message: "cni plugin not initialized" }] } });

test("a node that the cluster takes for ready has nothing said about it", async () => {
  expect(await said(node("True"))).toEqual([]);
});

test("what keeps it from being ready is told in the cluster's words", async () => {
  expect(await said(node("False"))).toEqual(["the node node-1 is not ready: cni plugin not initialized"]);
  expect(await said(Response.json({ status: {} }))).toEqual(["the node node-1 is not ready"]);
  expect(await said(new Response("", { status: 404 }))).toEqual(["the cluster answers 404 about the node node-1"]);
  expect(await said(new Response("<html>"))).toEqual([
    expect.stringContaining("the cluster does not tell about the node node-1: "),
  ]);
});

test("a node without a certificate, or without a cluster, is not asked about", async () => {
  expect(await said(node("True"), { certificate: false })).toEqual([
    "the node node-1 has no certificate of the cluster yet",
  ]);
  await using host = await testSystem();
  expect(nodeCheck(host.system, settingsOf({}, variant), factsOf(variant))).toBeUndefined();
  const alone = nodeCheck(
    host.system,
    settingsOf({ kubernetes: { "standalone-mode": true } }, variant),
    factsOf(variant),
  );
  expect(await alone?.(signal)).toEqual([]);
});
