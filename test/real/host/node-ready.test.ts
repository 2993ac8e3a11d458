/** Protects: an update of a node counts as good only when the cluster takes the node for ready. */
import { expect, test } from "bun:test";
import { type Authority, makeAuthority } from "../../../vm/authority.ts";
import { joinedNode } from "../../worlds/host/joined-node.ts";
import { factsOf, settingsOf } from "../../worlds/host/settings.ts";
import { testSystem } from "../../worlds/host/system.ts";
import { clientCertificate } from "../../../host/files/kubernetes/paths.ts";
import { nodeCheck } from "../../../host/node/node-ready.ts";

const { signal } = new AbortController();
const variant = "metal-k8s-1.20";

async function reasonsFor(answer: Response, { certificate = true } = {}): Promise<string[] | undefined> {
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
  const kubernetes = { ...joinedNode, "hostname-override": "node-1" };
  const check = nodeCheck(system, settingsOf({ kubernetes }, variant), factsOf(variant));
  const sentences = await check?.(signal);
  if (certificate) expect(asked).toEqual(["https://api.example.com:6443/api/v1/nodes/node-1"]);
  return sentences;
}

const node = (status: string): Response =>
  Response.json({ status: { conditions: [{ type: "Ready", status, message: "cni plugin not initialized" }] } });

test("a node that the cluster takes for ready has nothing said about it", async () => {
  expect(await reasonsFor(node("True"))).toEqual([]);
});

test("what keeps it from being ready is told in the cluster's words", async () => {
  expect(await reasonsFor(node("False"))).toEqual(["the node node-1 is not ready: cni plugin not initialized"]);
  expect(await reasonsFor(Response.json({ status: {} }))).toEqual(["the node node-1 is not ready"]);
  expect(await reasonsFor(new Response("", { status: 404 }))).toEqual([
    "the node node-1 has not registered with the cluster yet",
  ]);
  expect(await reasonsFor(new Response("", { status: 403 }))).toEqual([
    "the cluster answers 403 about the node node-1",
  ]);
  expect(await reasonsFor(new Response("<html>"))).toEqual([
    expect.stringContaining("the cluster does not tell about the node node-1: "),
  ]);
});

test("a node without a cluster is not asked about", async () => {
  await using host = await testSystem();
  expect(nodeCheck(host.system, settingsOf({}, variant), factsOf(variant))).toBeUndefined();
  const alone = nodeCheck(
    host.system,
    settingsOf({ kubernetes: { "standalone-mode": true } }, variant),
    factsOf(variant),
  );
  expect(await alone?.(signal)).toEqual([]);
});

/** The ailments of a node whose cluster serves with a certificate of `authority`, to a host that trusts `trusted`. */
async function reasonsOverTls(
  { authority, trusted, now = new Date() }: { authority: Authority; trusted?: string; now?: Date },
  answer: (request: Request) => Response = () => node("True"),
): Promise<string[] | undefined> {
  await using host = await testSystem({ startsAt: now });
  const { certificate, key } = await authority.issue({ commonName: "cluster", serverNames: ["127.0.0.1"] });
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, tls: { cert: certificate, key }, fetch: answer });
  const kubernetes = {
    "api-server": server.url.href,
    "cluster-certificate": Buffer.from(trusted ?? authority.certificate).toString("base64"),
    "bootstrap-token": "abcdef.0123456789abcdef",
    "hostname-override": "node-1",
  };
  const system = { ...host.system, fetch };
  return await nodeCheck(system, settingsOf({ kubernetes }, variant), factsOf(variant))?.(signal);
}

test("a token that the cluster does not accept is told from a request that is not answered yet", async () => {
  const authority = await makeAuthority("cluster");
  const answer = (status: number) => (request: Request) => {
    expect(request.headers.get("authorization")).toBe("Bearer abcdef.0123456789abcdef");
    return new Response("", { status });
  };
  expect(await reasonsOverTls({ authority }, answer(401))).toEqual([
    "the cluster does not accept settings.kubernetes.bootstrap-token: it is wrong, or has expired",
  ]);
  expect(await reasonsOverTls({ authority }, answer(200))).toEqual([
    "the node node-1 has no certificate of the cluster yet: its request is not made or not approved",
  ]);
});

test("what is wrong with the cluster's authority is told, and what this host takes for the time", async () => {
  const [authority, stranger] = [await makeAuthority("cluster"), await makeAuthority("cluster")];
  const now = new Date();
  const clock = `this host's clock says ${now.toISOString()}`;
  const about = (reason: string) => [`the cluster does not tell about the node node-1: ${reason}`];
  expect(await reasonsOverTls({ authority, trusted: stranger.certificate })).toEqual(
    about("its certificate is not signed by settings.kubernetes.cluster-certificate"),
  );
  const dayMs = 86_400_000;
  const [yesterday, tomorrow] = [new Date(Date.now() - dayMs), new Date(Date.now() + dayMs)];
  for (const date of [yesterday, tomorrow]) date.setUTCMilliseconds(0); // a certificate tells seconds
  const expired = await makeAuthority("cluster", { notBefore: new Date(0), notAfter: yesterday });
  expect(await reasonsOverTls({ authority: expired, now })).toEqual(
    about(`settings.kubernetes.cluster-certificate has expired at ${yesterday.toISOString()}; ${clock}`),
  );
  const early = await makeAuthority("cluster", { notBefore: tomorrow, notAfter: new Date("2050-01-01T00:00:00Z") });
  expect(await reasonsOverTls({ authority: early, now })).toEqual(
    about(`settings.kubernetes.cluster-certificate is valid from ${tomorrow.toISOString()} on only; ${clock}`),
  );
});
