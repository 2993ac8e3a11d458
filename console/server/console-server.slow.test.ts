/** Protects: nobody but the browser of whoever started it gets in, the page only does what it may, and has no secret in it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { request } from "node:http";
import { eventually } from "../../test/eventually.ts";
import { consoleOf } from "../../test/worlds/console/open-console.ts";
import { faultyHost, plantedSecrets, type FaultyHost } from "../../test/worlds/console/faulty-host.ts";
import type { LoopbackServer } from "../../web/server/loopback-server.ts";

const stop = new AbortController();
let faulty: FaultyHost;
/** Opened for looking, and with --write. */
let looking: LoopbackServer;
let writing: LoopbackServer;
let cookies: { looking: string; writing: string };

beforeAll(async () => {
  faulty = await faultyHost();
  const address = { socket: faulty.host.socket };
  looking = await consoleOf(address, { signal: stop.signal });
  writing = await consoleOf(address, { signal: stop.signal, mayWrite: true });
  cookies = { looking: await visit(looking), writing: await visit(writing) };
}, 60_000);

afterAll(async () => {
  stop.abort();
  await looking[Symbol.asyncDispose]();
  await writing[Symbol.asyncDispose]();
  await faulty[Symbol.asyncDispose]();
});

type Answer = { status: number; headers: Record<string, unknown>; body: string };
type Asked = { method?: string; headers?: Record<string, string>; body?: string };

/** As it is on the wire: `fetch` sets some headers itself. */
async function ask(address: string, { method = "GET", headers = {}, body }: Asked = {}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const outgoing = request(address, { method, headers }, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (part: string) => (text += part));
      incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }));
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

async function visit(server: LoopbackServer): Promise<string> {
  const { headers } = await ask(server.firstVisit);
  return String(headers["set-cookie"]).split(";")[0] ?? "";
}

const baseOf = (server: LoopbackServer): string => server.firstVisit.split("?")[0] ?? "";
const originOf = (server: LoopbackServer): string => new URL(server.firstVisit).origin;

async function callOf(server: LoopbackServer, cookie: string, name: string, input: unknown): Promise<Answer> {
  const headers = { cookie, origin: originOf(server), "content-type": "application/json" };
  return await ask(`${baseOf(server)}call/${name}`, { method: "POST", headers, body: JSON.stringify(input) });
}

/** All that the stream of events has until `ends` finds what it looks for. */
async function eventsOf(
  server: LoopbackServer,
  cookie: string,
  ends: (text: string) => boolean,
  path = "events",
): Promise<string> {
  const response = await fetch(`${baseOf(server)}${path}`, { headers: { cookie } });
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (ends(text)) break;
  }
  return text;
}

test("the address works once, and from then on a cookie that scripts cannot read", async () => {
  await using server = await consoleOf({ socket: faulty.host.socket }, { signal: stop.signal });
  const first = server.firstVisit;
  expect((await ask(baseOf(server))).status).toBe(401);
  expect((await ask(first.replace(/.$/, (last) => (last === "x" ? "y" : "x")))).status).toBe(401);
  const welcome = await ask(first);
  expect(welcome.status).toBe(303);
  expect(String(welcome.headers["location"])).not.toContain("token");
  const cookie = String(welcome.headers["set-cookie"]);
  expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/[\w-]{20,}\/$/);
  expect((await ask(first)).status).toBe(401);
  const inside = { headers: { cookie: cookie.split(";")[0] ?? "" } };
  expect((await ask(baseOf(server), inside)).status).toBe(200);
  // Whoever has the cookie may call the address again.
  expect((await ask(first, inside)).status).toBe(303);
  expect((await ask(`${originOf(server)}/`, inside)).status).toBe(404);
});

test.each([
  ["a name that leads to loopback", { host: "evil.example:80" }, 421],
  ["a page of another site", { "sec-fetch-site": "cross-site" }, 403],
  ["a page of another port", { "sec-fetch-site": "same-site" }, 403],
  ["a page with an origin of its own", { origin: "https://evil.example" }, 403],
  ["a page in a sandbox", { origin: "null" }, 403],
])("%s is refused, with the cookie too", async (_, headers, status) => {
  const answer = await ask(`${baseOf(writing)}catalogue.json`, { headers: { cookie: cookies.writing, ...headers } });
  expect(answer.status).toBe(status);
  expect(answer.body).not.toContain("settings.");
});

test("nothing is done for what is not plainly the page itself", async () => {
  const address = `${baseOf(writing)}call/confirm`;
  const json = { cookie: cookies.writing, "content-type": "application/json" };
  const post = async (headers: Record<string, string>): Promise<number> =>
    (await ask(address, { method: "POST", headers, body: "{}" })).status;
  // Without an origin it is no page; with another type, no script sent it.
  expect(await post(json)).toBe(403);
  expect(await post({ ...json, origin: "https://evil.example" })).toBe(403);
  expect(await post({ ...json, origin: originOf(writing), "content-type": "text/plain" })).toBe(400);
  expect((await ask(address, { headers: { cookie: cookies.writing } })).status).toBe(404);
  const upgrade = {
    connection: "upgrade",
    upgrade: "websocket",
    origin: "https://evil.example",
    cookie: cookies.writing,
  };
  expect((await ask(`${baseOf(writing)}terminal?name=admin`, { headers: upgrade })).status).toBe(403);
  expect((await faulty.host.api.call("getStatus")).trial).toBeDefined();
});

test("a page that was opened for looking plans and explains, and does nothing else", async () => {
  const { version } = (await faulty.host.api.call("getStatus")).settings;
  expect((await callOf(looking, cookies.looking, "plan", { body: { pairs: ["motd=hi"] } })).status).toBe(200);
  expect((await callOf(looking, cookies.looking, "explainUpdates", {})).status).toBe(200);
  for (const name of ["changeSettings", "confirm", "revert", "undo", "refreshUpdates", "reboot", "prepareUpdate"]) {
    const answer = await callOf(looking, cookies.looking, name, { body: { pairs: ["motd=hi"] } });
    expect([name, answer.status]).toEqual([name, 403]);
    expect(answer.body).toContain("console --write");
  }
  // Neither page is for what no view needs.
  for (const name of ["forget", "supportArchive", "lockDown", "getSettings", "constructor"]) {
    expect((await callOf(writing, cookies.writing, name, {})).status).toBe(403);
  }
  const upgrade = { connection: "upgrade", upgrade: "websocket", origin: originOf(looking), cookie: cookies.looking };
  expect((await ask(`${baseOf(looking)}terminal?name=admin`, { headers: upgrade })).status).toBe(403);
  expect((await faulty.host.api.call("getStatus")).settings.version).toBe(version);
});

test("no byte comes from elsewhere, and no other page may show this one", async () => {
  const { headers, body } = await ask(baseOf(looking), { headers: { cookie: cookies.looking } });
  const policy = String(headers["content-security-policy"]);
  for (const part of [
    "default-src 'none'",
    "script-src 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    expect(policy).toContain(part);
  }
  expect(policy).not.toContain("unsafe");
  expect(headers["cross-origin-resource-policy"]).toBe("same-origin");
  expect(headers["cache-control"]).toBe("no-store");
  expect(body).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  const [nonce] = /(?<=name="style-nonce" content=")[^"]+/.exec(body) ?? [];
  expect(policy).toContain(`'nonce-${nonce}'`);
  const again = await ask(baseOf(looking), { headers: { cookie: cookies.looking } });
  expect(again.body).not.toContain(String(nonce));
});

test("no secret is in what the page gets, whoever looks and whatever it asks", async () => {
  const { socket, api } = faulty.host;
  // The host tells its administrator, so there is something to keep out.
  const told = JSON.stringify([
    await api.call("getSettings", { query: {} }),
    await api.call("getHistory", { query: {} }),
  ]);
  for (const secret of Object.values(plantedSecrets)) expect(told).toContain(secret);

  await using server = await consoleOf({ socket }, { signal: stop.signal, mayWrite: true });
  const cookie = await visit(server);
  const all = ["viewer", "status", "history", "settings", "updates", "containers", "boot", "usage"];
  const events = await eventsOf(server, cookie, (text) => all.every((name) => new RegExp(`[{,]"${name}":`).test(text)));
  expect(events).toContain("(secret)");
  const plan = await callOf(server, cookie, "plan", {
    query: { files: "1" },
    body: {
      pairs: [
        `network.https-proxy=http://deck:${plantedSecrets.proxyPassword}-2@proxy.example.com:3128`,
        "motd=new-motd-text",
      ],
    },
  });
  const log = await eventsOf(server, cookie, (text) => text.includes("data:"), "log?name=admin");
  const catalogue = await ask(`${baseOf(server)}catalogue.json`, { headers: { cookie } });
  const texts = { events, plan: plan.body, log, catalogue: catalogue.body };
  expect(plan.status).toBe(200);
  expect(plan.body).toContain("new-motd-text");
  for (const [name, text] of Object.entries(texts)) {
    for (const secret of [...Object.values(plantedSecrets), "xyzzy-4711-plugh"]) {
      expect([name, text.includes(secret)]).toEqual([name, false]);
    }
  }
});

test("what a client changed shows itself, and costs the host nothing once nobody looks", async () => {
  const { api, machine } = faulty.host;
  await using server = await consoleOf({ socket: faulty.host.socket }, { signal: stop.signal, mayWrite: true });
  const cookie = await visit(server);
  const seen = eventsOf(server, cookie, (text) => text.includes("no longer on trial"));
  await api.call("confirm");
  await api.call("changeSettings", { body: { pairs: ["motd=ahoy"], message: "no longer on trial" } });
  expect(await seen).toContain("settings.motd");
  await eventually(async () => {
    const before = machine.ran.length;
    await Bun.sleep(4_000);
    expect(machine.ran.length).toBe(before);
  }, 60_000);
}, 90_000);
