/** The remote API of a real daemon, over real TLS on loopback. */
import { connect as connectTcp, createServer, type AddressInfo } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { once } from "node:events";
import { X509Certificate } from "node:crypto";
import { beforeAll, expect, spyOn, test } from "bun:test";
import { connect, type Client } from "../../../api/client/client.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { apiclient } from "../../commands/apiclient.ts";
import { hostPath } from "../../machine/system.ts";
import type { PlanRequest, SettingsTreeBody } from "../../../api/answers.ts";
import { TestAuthority, type ClientCertificate } from "../../../test/worlds/network/certificates.ts";
import { freePort } from "../../../lib/free-port.ts";
import { eventually } from "../../../test/eventually.ts";
import { runningHost, type RunningHost } from "../../../test/worlds/host/running-host.ts";

let ours: TestAuthority;
let strangers: TestAuthority;
let alice: ClientCertificate;
beforeAll(async () => {
  ours = await TestAuthority.make("ours");
  strangers = await TestAuthority.make("strangers");
  alice = await ours.client();
});

type Opened = { url: string; port: number; fingerprint: string };

/** Commits, waits, and gives what the reconciler of the remote API could not do. */
async function set(host: RunningHost, body: SettingsTreeBody): Promise<string | undefined> {
  await host.api.call("patchSettings", { query: { tx: "remote" }, body });
  const { result } = await host.api.commitAndWait({ tx: "remote" });
  return result?.reconcilers.find(({ name }) => name === "remote-api")?.failure?.message;
}

async function remoteStatus(host: RunningHost) {
  return (await host.api.call("getStatus")).remote;
}

async function openRemote(host: RunningHost, roles: SettingsTreeBody = { alice: "admin" }): Promise<Opened> {
  const port = await freePort();
  const remote = { enabled: true, port, "client-cas": { ours: ours.setting }, roles };
  expect(await set(host, { api: { remote } })).toBeUndefined();
  const { fingerprint = "" } = await remoteStatus(host);
  return { url: `https://127.0.0.1:${port}`, port, fingerprint };
}

function clientOf({ url, fingerprint }: Opened, certificate: ClientCertificate): Client {
  return connect({ url, ...certificate, trust: { fingerprint } });
}

const motd = { query: { keys: ["settings.motd"] } };

/** How far a TLS client comes: the first bytes of an answer, or the error. */
async function attempt(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on("secureConnect", () => socket.write("GET /os HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  socket.on("data", (chunk: Buffer) => resolve(chunk.toString()));
  socket.on("error", (error) => resolve(`error: ${error.message}`));
  socket.on("close", () => resolve("closed"));
  const outcome = await promise;
  socket.destroy();
  return outcome;
}

test("a secret is shown to an administrator only, wherever it turns up", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host, { alice: "admin", reader: "read-only", keeper: "operator" });
  const credentials = [{ registry: "registry.example.com", username: "puller", password: "hunter2" }];
  const admin = { source: "example.com/admin", "user-data": Buffer.from("hunter2").toString("base64") };
  const body = { motd: "open", "container-registry": { credentials }, "host-containers": { admin } };
  await set(host, body);
  await host.api.call("patchSettings", { query: { tx: "staged" }, body });
  const seen = async (client: Client): Promise<string[]> => {
    const answers = await Promise.all([
      client.call("getSettings", {}),
      client.call("getSettings", { query: { prefix: "settings" } }),
      client.call("getSettings", {
        query: { keys: ["settings.container-registry", "settings.host-containers", "settings.motd"] },
      }),
      client.call("getModel", {}),
      client.call("getTransaction", { query: { tx: "staged" } }),
      client.call("getHistory", {}),
    ]);
    return answers.map((answer) => JSON.stringify(answer));
  };
  const shows = (text: string): boolean => text.includes("hunter2") || text.includes(admin["user-data"]);
  for (const text of await seen(clientOf(opened, alice))) expect(shows(text)).toBe(true);
  const strangers = [await ours.client({ names: ["reader"] }), await ours.client({ names: ["keeper"] })].map((client) =>
    clientOf(opened, client),
  );
  for (const client of strangers) {
    for (const text of await seen(client)) {
      expect(shows(text)).toBe(false);
      expect(text).toContain('"(secret)"');
      expect(text).toContain('"open"');
    }
  }
  const [, keeper] = strangers;
  const plan = await keeper?.call("plan", { body: { delete: ["settings.container-registry.credentials"] } });
  expect(plan?.changes).toEqual([{ key: "settings.container-registry.credentials", before: "(secret)" }]);
});

test("a plan tells nobody but an administrator whether a guess of a secret is right", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host, { alice: "admin", keeper: "operator" });
  const credentials = (password: string) => [{ registry: "registry.example.com", username: "puller", password }];
  const proxy = (password: string) => `https://puller:${password}@proxy.example.com`;
  const settings = (password: string) => ({
    "container-registry": { credentials: credentials(password) },
    network: { "https-proxy": proxy(password) },
  });
  await set(host, settings("hunter2"));
  const keeper = clientOf(opened, await ours.client({ names: ["keeper"] }));
  const guesses = (password: string): PlanRequest[] => [
    { set: { "container-registry": { credentials: credentials(password) } } },
    { set: { network: { "https-proxy": proxy(password) } } },
    { pairs: [`container-registry.credentials=${JSON.stringify(credentials(password))}`] },
    { pairs: [`network.https-proxy=${proxy(password)}`] },
  ];
  const refusals = async (password: string): Promise<unknown[]> =>
    await Promise.all(
      guesses(password).map(
        async (body) => await keeper.call("plan", { body }).catch((error: unknown) => String(error)),
      ),
    );
  const right = await refusals("hunter2");
  expect(right).toEqual(await refusals("hunter3"));
  for (const refusal of right) expect(refusal).toContain("it needs the role admin, who sees its value");

  const open = { set: { network: { "https-proxy": "https://proxy.example.com" } } };
  expect((await keeper.call("plan", { body: open })).changes).toHaveLength(1);
  for (const body of guesses("hunter2")) {
    expect((await clientOf(opened, alice).call("plan", { body })).changes).toEqual([]);
  }
});

test("the remote API is off unless settings switch it on", async () => {
  await using host = await runningHost();
  expect((await host.api.call("getStatus")).remote).toEqual({ enabled: false });
});

test("switched on, it answers a listed client, shows its fingerprint on the console, and records who it was", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host);
  expect(await host.machine.read("/dev/console")).toContain(
    `remote API on port ${opened.port}, certificate fingerprint SHA256 ${opened.fingerprint}`,
  );
  const remote = clientOf(opened, alice);
  await remote.call("patchSettings", { query: { tx: "far" }, body: { motd: "from afar" } });
  expect((await remote.commitAndWait({ tx: "far" })).changed).toEqual(["settings.motd"]);
  const [newest] = await remote.call("getHistory", { query: { limit: 1 } });
  expect(newest?.by).toEqual({ kind: "remote", subject: "alice" });
});

test("the certificate stays the same after a restart", async () => {
  await using host = await runningHost();
  const { port, fingerprint } = await openRemote(host);
  await host.restart();
  expect(await remoteStatus(host)).toEqual({ enabled: true, port, fingerprint });
});

test("a client that expects another fingerprint sends nothing", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host);
  const wrong = clientOf({ ...opened, fingerprint: "00".repeat(32) }, alice);
  await expect(wrong.call("getOs")).rejects.toMatchObject({ code: "untrusted-host" });
});

test("no certificate, one of another CA, an expired one: none gets as far as HTTP", async () => {
  await using host = await runningHost();
  const { port } = await openRemote(host);
  const tls = ({ certificate, key }: ClientCertificate) => ({ cert: certificate, key });
  expect(await attempt(port, tls(alice))).toStartWith("HTTP/1.1 200");
  for (const options of [{}, tls(await strangers.client()), tls(await ours.client({ expired: true }))]) {
    expect(await attempt(port, options)).toMatch(/^(error: |closed)/);
  }
});

test("TLS before 1.3, and plain HTTP, are refused", async () => {
  await using host = await runningHost();
  const { port } = await openRemote(host);
  expect(await attempt(port, { cert: alice.certificate, key: alice.key, maxVersion: "TLSv1.2" })).toMatch(
    /^(error: |closed)/,
  );
  const plain = connectTcp(port, "127.0.0.1");
  plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  let text = "";
  plain.on("data", (chunk: Buffer) => void (text += chunk.toString("latin1")));
  plain.on("error", () => undefined);
  await once(plain, "close");
  expect(text).not.toContain("HTTP/1.1");
});

/** One connection of alice, on which each answer is waited for before the next request. */
function connectionOf(port: number) {
  const credentials = { cert: alice.certificate, key: alice.key };
  const socket = connectTls({ port, host: "127.0.0.1", ...credentials, rejectUnauthorized: false });
  let answers = "";
  socket.on("data", (chunk: Buffer) => void (answers += chunk.toString()));
  return {
    ask: async (status: string): Promise<void> => {
      answers = "";
      socket.write("GET /os HTTP/1.1\r\nHost: x\r\n\r\n");
      await eventually(async () => expect(answers).toStartWith(`HTTP/1.1 ${status}`));
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

test("a connection has no role any more once the certificate it was made with has ended", async () => {
  await using host = await runningHost();
  const { port } = await openRemote(host);
  using connection = connectionOf(port);
  await connection.ask("200");
  host.machine.stepClock(new Date("2100-01-01").getTime() - host.machine.system.clock.now().getTime());
  await connection.ask("403");
});

test("several authorities that may certify an administrator are told as a warning", async () => {
  await using host = await runningHost();
  await openRemote(host);
  const warnings = async () =>
    (await host.api.call("getStatus")).reconcilers.flatMap(({ warnings: each = [] }) => each).join("\n");
  expect(await warnings()).toBe("");
  await set(host, { api: { remote: { "client-cas": { monitoring: strangers.setting } } } });
  expect(await warnings()).toContain("each of monitoring, ours may certify the administrators alice");
  await set(host, { api: { remote: { "role-cas": { alice: "ours" } } } });
  expect(await warnings()).toBe("");
});

test("a role that is bound to an authority is of no use to who was certified by another", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host, { alice: "admin" });
  await set(host, { api: { remote: { "client-cas": { monitoring: strangers.setting } } } });
  const impostor = clientOf(opened, await strangers.client({ names: ["alice"] }));
  const real = clientOf(opened, alice);
  // Whoever it came from, as long as nothing says otherwise.
  expect(await impostor.call("getSettings", motd)).toBeDefined();
  await set(host, { api: { remote: { "role-cas": { alice: "ours" } } } });
  await expect(impostor.call("getSettings", motd)).rejects.toMatchObject({ status: 403 });
  expect(await real.call("getSettings", motd)).toBeDefined();
  await expect(set(host, { api: { remote: { "role-cas": { alice: "nobody" } } } })).rejects.toThrow();
});

test("which authority signed a certificate is found out once for a connection, and to which its role is bound is asked each time", async () => {
  await using host = await runningHost();
  const { port } = await openRemote(host, { alice: "admin" });
  await set(host, {
    api: { remote: { "client-cas": { monitoring: strangers.setting }, "role-cas": { alice: "ours" } } },
  });
  using connection = connectionOf(port);
  using verify = spyOn(X509Certificate.prototype, "verify");
  for (let request = 0; request < 3; request++) await connection.ask("200");
  expect(verify).toHaveBeenCalledTimes(1);
  await set(host, { api: { remote: { "role-cas": { alice: "monitoring" } } } });
  await connection.ask("403");
  expect(verify).toHaveBeenCalledTimes(1);
});

test("a certificate whose common name has no role gets 403 for everything", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host, { alice: "admin" });
  const mallory = clientOf(opened, await ours.client({ names: ["mallory"] }));
  await expect(mallory.call("getSettings", motd)).rejects.toMatchObject({ status: 403, code: "forbidden" });
  await expect(mallory.call("reboot")).rejects.toMatchObject({ status: 403 });
});

test("a certificate with two common names is nobody's", async () => {
  await using host = await runningHost();
  const { port } = await openRemote(host, { alice: "admin", mallory: "read-only" });
  const { certificate, key } = await ours.client({ names: ["mallory", "alice"] });
  expect(await attempt(port, { cert: certificate, key })).not.toContain("HTTP/1.1 200");
});

test("a name that every object has is not a role", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host);
  const odd = clientOf(opened, await ours.client({ names: ["constructor"] }));
  await expect(odd.call("getOs")).rejects.toMatchObject({ status: 403 });
});

test("read-only reads and cannot change; an operator can reboot and cannot change", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host, { reader: "read-only", operator: "operator" });
  const reader = clientOf(opened, await ours.client({ names: ["reader"] }));
  const operator = clientOf(opened, await ours.client({ names: ["operator"] }));
  expect(await reader.call("getSettings", motd)).toHaveProperty("motd");
  for (const client of [reader, operator]) {
    await expect(client.call("patchSettings", { body: { motd: "no" } })).rejects.toMatchObject({ status: 403 });
    await expect(client.call("undo")).rejects.toMatchObject({ status: 403 });
  }
  await expect(reader.call("plan", { body: { set: { motd: "no" } } })).rejects.toMatchObject({ status: 403 });
  expect((await operator.call("plan", { body: { set: { motd: "ok" } } })).changes).toHaveLength(1);
  await expect(reader.call("reboot")).rejects.toMatchObject({ status: 403 });
  host.machine.programs.set("systemctl", () => "");
  await operator.call("reboot");
  await eventually(async () => expect(host.machine.ran).toContain("systemctl --no-block reboot"));
});

test("roles, CAs, port and the switch itself take effect without a restart", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host, { alice: "read-only" });
  const remote = clientOf(opened, alice);
  const patch = { query: { tx: "x" }, body: { motd: "x" } };
  await expect(remote.call("patchSettings", patch)).rejects.toMatchObject({ status: 403 });
  await set(host, { api: { remote: { roles: { alice: "admin" } } } });
  await remote.call("patchSettings", patch);

  const port = await freePort();
  await set(host, { api: { remote: { port } } });
  await expect(remote.call("getOs")).rejects.toMatchObject({ code: "cannot-connect" });
  const moved = { ...opened, url: `https://127.0.0.1:${port}` };
  expect(await clientOf(moved, alice).call("getOs")).toMatchObject({ variant_id: "dev" });

  await set(host, { api: { remote: { "client-cas": { ours: strangers.setting } } } });
  await expect(clientOf(moved, alice).call("getOs")).rejects.toMatchObject({ code: "cannot-connect" });
  expect(await clientOf(moved, await strangers.client()).call("getOs")).toMatchObject({ variant_id: "dev" });

  await set(host, { api: { remote: { enabled: false } } });
  expect(await attempt(port, {})).toMatch(/^error: /);
});

test("who moves the remote API through itself still gets the answer", async () => {
  await using host = await runningHost();
  const remote = clientOf(await openRemote(host), alice);
  const port = await freePort();
  await remote.call("patchSettings", { query: { tx: "move" }, body: { api: { remote: { port } } } });
  expect((await remote.commitAndWait({ tx: "move" })).changed).toEqual(["settings.api.remote.port"]);
});

test("a port that is taken is told to who commits and in the status, and it is tried again", async () => {
  await using host = await runningHost();
  const occupied = createServer().listen(0, "::");
  await once(occupied, "listening");
  const { port } = occupied.address() as AddressInfo;
  const remote = { enabled: true, port, "client-cas": { ours: ours.setting }, roles: { alice: "admin" } };
  expect(await set(host, { api: { remote } })).toContain(`cannot listen on TCP port ${port}`);
  expect((await remoteStatus(host)).failure?.code).toBe("cannot-listen");
  expect((await host.api.call("getStatus")).state).toBe("degraded");
  occupied.close();
  await once(occupied, "close");
  expect(await set(host, { motd: "anything" })).toBeUndefined();
  expect((await remoteStatus(host)).port).toBe(port);
});

test("a bundle without a certificate opens nothing", async () => {
  await using host = await runningHost();
  const nothing = Buffer.from("no certificate").toString("base64");
  const remote = { enabled: true, port: await freePort(), "client-cas": { ours: nothing } };
  const refused = await set(host, { api: { remote } }).catch((error: unknown) => String(error));
  expect(refused).toMatch(/client-cas|bad-settings|cannot accept/);
  expect((await remoteStatus(host)).port).toBeUndefined();
});

test("a plan says that the remote API will be opened", async () => {
  await using host = await runningHost();
  const remote = { enabled: true, "client-cas": { ours: ours.setting } };
  const { reconcilers } = await host.api.call("plan", { body: { set: { api: { remote } } } });
  expect(reconcilers).toContainEqual({ name: "remote-api", effects: [{ says: "open the remote API on port 8443" }] });
  expect(await remoteStatus(host)).toEqual({ enabled: false });
});

test("`apiclient plan` is for operators, and changes are not", async () => {
  await using host = await runningHost();
  const opened = await openRemote(host, { alice: "operator" });
  const { system } = host.machine;
  await host.machine.write("/client.crt", alice.certificate);
  await host.machine.write("/client.key", alice.key);
  const run = async (...words: string[]) => {
    const pem = ["--cert", hostPath(system, "/client.crt"), "--key", hostPath(system, "/client.key")];
    return await invoke(apiclient, ["--host", opened.url, ...pem, "--fingerprint", opened.fingerprint, ...words]);
  };
  const { stdout, stderr } = await run("plan", "set", "motd=planned", 'ntp.time-servers=["10.0.0.1"]');
  expect([stdout, stderr]).toEqual([expect.stringContaining('settings.motd: default -> "planned"'), ""]);
  expect(await run("plan", "delete", "motd")).toMatchObject({
    stdout: expect.stringMatching(/^nothing would change/),
    exitCode: 0,
  });
  expect(await host.api.call("listTransactions")).toEqual([]);
  expect(await run("set", "motd=x")).toEqual({
    stdout: "",
    stderr: "apiclient: cannot POST /changes: it needs the role admin, and this certificate has operator\n",
    exitCode: 1,
  });
});
