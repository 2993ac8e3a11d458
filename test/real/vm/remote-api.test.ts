/**
 * Protects: over the network nobody gets further than the certificate they hold allows.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect as connectTls } from "node:tls";
import { connect, type Client } from "../../../api/client/client.ts";
import { makeClients, type Credentials } from "../../../vm/credentials.ts";
import type { Access } from "../../../vm/running-machine.ts";
import { TestHost } from "./test-host.ts";

let host: TestHost;
let access: Access;
beforeAll(async () => {
  host = await TestHost.boot("remote-api");
  const known = await host.running.access();
  if (known === undefined) throw new Error("the host has not announced its API");
  access = known;
  await host.commit({ api: { remote: { roles: { watcher: "read-only", keeper: "operator" } } } });
});
afterAll(async () => host?.[Symbol.asyncDispose]());

function as({ certificate, key }: Pick<Credentials, "certificate" | "key">): Client {
  return connect({ ...access, certificate, key });
}

/** What happens to a client that speaks first: the server's first bytes, or why there are none. */
async function spoken(options: { cert?: string; key?: string; maxVersion?: "TLSv1.2" }): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connectTls({
    host: "127.0.0.1",
    port: Number(new URL(access.url).port),
    rejectUnauthorized: false,
    ...options,
  });
  socket.on("secureConnect", () => socket.write("GET /os HTTP/1.1\r\nHost: x\r\n\r\n"));
  socket.on("data", (data) => resolve(data.toString("latin1")));
  socket.on("error", (error) => resolve(`error: ${error.message}`));
  socket.on("close", () => resolve("closed"));
  const answer = await promise;
  socket.destroy();
  return answer;
}

test("the laptop that started the machine may do everything", async () => {
  expect((await (await host.api()).call("getOs")).variant_id).toBe("dev");
});

test("the fingerprint on the console is that of the certificate", async () => {
  const status = await host.status();
  expect(status.remote.fingerprint).toBe(access.trust.fingerprint);
  const wrong = { fingerprint: "00".repeat(32) };
  await expect(connect({ ...access, trust: wrong }).call("getOs")).rejects.toMatchObject({ code: "untrusted-host" });
});

test("without a certificate there is no answer", async () => {
  expect(await spoken({})).toMatch(/^(error|closed)/);
});

test("a certificate of another CA gets no answer, whatever its name", async () => {
  const stranger = await (await makeClients()).client("tester");
  expect(await spoken({ cert: stranger.certificate, key: stranger.key })).toMatch(/^(error|closed)/);
});

test("TLS before 1.3 is refused", async () => {
  const { certificate, key } = host.credentials;
  expect(await spoken({ cert: certificate, key })).toStartWith("HTTP/1.1 200");
  expect(await spoken({ cert: certificate, key, maxVersion: "TLSv1.2" })).toMatch(/^(error|closed)/);
});

test("a name without a role is known but may do nothing", async () => {
  const nobody = as(await host.authority.client("nobody"));
  await expect(nobody.call("getOs")).rejects.toMatchObject({ status: 403 });
});

test("a reader reads, and writes nothing", async () => {
  const watcher = as(await host.authority.client("watcher"));
  const before = await watcher.call("getSettings", { query: { keys: ["settings.motd"] } });
  const { version } = (await watcher.call("getStatus")).settings;
  const refused = { status: 403 };
  await expect(watcher.call("patchSettings", { query: {}, body: { motd: "mine now" } })).rejects.toMatchObject(refused);
  await expect(watcher.call("deleteSettings", { query: { keys: ["settings.motd"] } })).rejects.toMatchObject(refused);
  await expect(watcher.call("commitAndApply", { query: {} })).rejects.toMatchObject(refused);
  await expect(watcher.call("undo", { query: {} })).rejects.toMatchObject(refused);
  await expect(watcher.call("reboot")).rejects.toMatchObject(refused);
  expect(await watcher.call("getSettings", { query: { keys: ["settings.motd"] } })).toEqual(before);
  expect((await watcher.call("getStatus")).settings.version).toBe(version);
});

test("an operator plans but changes no setting", async () => {
  const keeper = as(await host.authority.client("keeper"));
  const plan = await keeper.call("plan", { body: { set: { motd: "planned" } } });
  expect(plan.changes.map(({ key }) => key)).toEqual(["settings.motd"]);
  await expect(keeper.call("patchSettings", { query: {}, body: { motd: "x" } })).rejects.toMatchObject({ status: 403 });
});

test("history tells who of the network made a change", async () => {
  await host.commit({ motd: "from afar" });
  const [newest] = await (await host.api()).call("getHistory", { query: { limit: 1 } });
  expect(newest?.by).toEqual({ kind: "remote", subject: "tester" });
});

test("a role that is taken away is gone for the next request", async () => {
  const leaver = await host.authority.client("leaver");
  await host.commit({ api: { remote: { roles: { leaver: "read-only" } } } });
  expect((await as(leaver).call("getOs")).variant_id).toBe("dev");
  await host.reset("settings.api.remote.roles.leaver");
  await expect(as(leaver).call("getOs")).rejects.toMatchObject({ status: 403 });
});

test("switched off, the port is closed while the socket on the host still answers", async () => {
  await host.shell.run("apiclient set api.remote.enabled=false");
  expect(await host.isSilent()).toBe(true);
  expect(await host.shell.run("apiclient get settings.motd")).toContain("from afar");
  await host.shell.run("apiclient set api.remote.enabled=true");
  expect(await host.isSilent()).toBe(false);
});
