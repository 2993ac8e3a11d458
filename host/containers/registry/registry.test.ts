/** Protects: whatever a registry sends, or does not send, a pull ends, and gives the turn to the next. */
import { createHash } from "node:crypto";
import { afterEach, expect, test } from "bun:test";
import { parseReference } from "./reference.ts";
import { originOf, type Credential } from "./registries.ts";
import { ImageRepository } from "./registry.ts";

const signal = AbortSignal.timeout(20_000);
const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

/** A repository of a registry of this computer that answers so. */
function repository(
  answer: (request: Request) => Response | Promise<Response>,
  credential?: Omit<Credential, "registry">,
) {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  servers.push(server);
  const registry = `127.0.0.1:${server.port ?? 0}`;
  const credentials = credential === undefined ? [] : [{ registry, ...credential }];
  const reference = parseReference(`${registry}/tool:v1`);
  return new ImageRepository(originOf(registry), reference, { mirrors: [], credentials }, fetch);
}

/** Chunks without end; tells how many bytes it was asked for. */
function endless(): { response: () => Response; sent: () => number } {
  let sent = 0;
  const chunk = new Uint8Array(64 * 1024);
  const response = (): Response =>
    new Response(
      new ReadableStream({
        pull(controller) {
          sent += chunk.length;
          controller.enqueue(chunk);
        },
      }),
    );
  return { response, sent: () => sent };
}

const mebibyte = 1024 * 1024;

test("a manifest without end is given up after some mebibytes", async () => {
  const stream = endless();
  const failure = { code: "too-long", message: expect.stringContaining("4194304 bytes") };
  await expect(repository(stream.response).manifest("v1", signal)).rejects.toMatchObject(failure);
  expect(stream.sent()).toBeLessThan(64 * mebibyte);
});

test("the configuration of an image without end is given up after some mebibytes", async () => {
  const stream = endless();
  await expect(repository(stream.response).config(digestOf(""), signal)).rejects.toMatchObject({ code: "too-long" });
  expect(stream.sent()).toBeLessThan(64 * mebibyte);
});

test("an answer without end where a token was asked for is given up", async () => {
  const stream = endless();
  const server = repository((request) => {
    if (new URL(request.url).pathname === "/token") return stream.response();
    const challenge = `Bearer realm="${new URL("/token", request.url).href}",service="s"`;
    return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  });
  await expect(server.manifest("v1", signal)).rejects.toMatchObject({ code: "too-long" });
  expect(stream.sent()).toBeLessThan(64 * mebibyte);
});

test("a layer is given up where it gets longer than the manifest says", async () => {
  const stream = endless();
  const pull = async (): Promise<number> => {
    let bytes = 0;
    for await (const chunk of repository(stream.response).layer({ digest: digestOf(""), size: 200_000 }, signal)) {
      bytes += chunk.length;
      expect(bytes).toBeLessThanOrEqual(200_000);
    }
    return bytes;
  };
  await expect(pull()).rejects.toMatchObject({ code: "too-long", message: expect.stringContaining("200000 bytes") });
});

/** Wants a token for everything; what was sent for it is kept. */
function wantsToken(issue: (request: Request) => Response | Promise<Response>) {
  const sent: string[] = [];
  const answer = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/token") {
      const authorization = request.headers.get("authorization") ?? "nobody";
      sent.push(
        `${request.method} ${request.method === "POST" ? await request.clone().text() : search} ${authorization}`,
      );
      return await issue(request);
    }
    const authorization = request.headers.get("authorization");
    if (authorization === "Bearer good") return new Response("{}");
    const challenge = `Basic realm="x", Bearer realm="${new URL("/token", request.url).href}",service="s",scope="repository:tool:pull"`;
    return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  };
  return { sent, answer };
}

const scope = "scope=repository%3Atool%3Apull";
const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const good = (): Response => Response.json({ access_token: "good" });

test("an identity token is exchanged, and never shown to the registry itself", async () => {
  const { sent, answer } = wantsToken(good);
  await repository(answer, { identitytoken: "long-lived" }).manifest("v1", signal);
  expect(sent).toEqual([
    `POST ${scope}&service=s&client_id=orlop&grant_type=refresh_token&refresh_token=long-lived nobody`,
  ]);
});

test("a password is exchanged, and shown in the older way where that is not known", async () => {
  const modern = wantsToken(good);
  await repository(modern.answer, { username: "u", password: "p:&" }).manifest("v1", signal);
  expect(modern.sent).toEqual([
    `POST ${scope}&service=s&client_id=orlop&grant_type=password&username=u&password=p%3A%26 nobody`,
  ]);
  const older = wantsToken((request) =>
    request.method === "POST" ? new Response("", { status: 404 }) : Response.json({ token: "good" }),
  );
  await repository(older.answer, { auth: Buffer.from("u:p").toString("base64") }).manifest("v1", signal);
  expect(older.sent.at(-1)).toBe(`GET ?service=s&${scope} ${basic("u:p")}`);
});

test("who has no credential asks as nobody", async () => {
  const { sent, answer } = wantsToken(() => Response.json({ token: "good" }));
  await repository(answer).manifest("v1", signal);
  expect(sent).toEqual([`GET ?service=s&${scope} nobody`]);
});

test("where only a user name and a password will do, an identity token is not shown", async () => {
  const shown: (string | null)[] = [];
  const wanting = repository(
    (request) => {
      shown.push(request.headers.get("authorization"));
      return new Response("", { status: 401, headers: { "www-authenticate": `Basic realm="x"` } });
    },
    { identitytoken: "long-lived" },
  );
  await expect(wanting.manifest("v1", signal)).rejects.toMatchObject({ code: "registry-refused" });
  expect(shown).toEqual([null]);
});
