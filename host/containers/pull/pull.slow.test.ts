/**
 * Protects: whatever a registry sends, or does not send, a pull ends and gives the turn to the next; and each host that
 * asks sees its own credential and no other. A real containerd pulls, from registries that this test plays.
 */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type Clock, machineClock } from "../../../lib/clock.ts";
import { testContainerd, type TestContainerd } from "../../../test/worlds/containers/containerd.ts";
import { writeRegistryHosts } from "../../../test/worlds/containers/registry-hosts.ts";
import { compileMs } from "../../../test/worlds/containers/runtime.ts";
import { ifThere } from "../containerd/containerd.ts";
import { bringImage } from "./pull.ts";
import { parseReference } from "../registry/reference.ts";
import type { Credential, Registries } from "../registry/registries.ts";

const testMs = 60_000;
const mebibyte = 1024 * 1024;

let world: TestContainerd;
const servers: Bun.Server<undefined>[] = [];
beforeAll(async () => {
  world = await testContainerd("pulls");
}, compileMs);
afterAll(() => world[Symbol.asyncDispose]());
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

type Answer = (request: Request) => Response | Promise<Response>;

/** @returns its host, as in a URL; all of the loopback lead there */
function serve(answer: Answer): string {
  const server = Bun.serve({ hostname: "0.0.0.0", port: 0, idleTimeout: 0, fetch: answer });
  servers.push(server);
  return `127.0.0.1:${server.port ?? 0}`;
}

type Pull = Partial<Registries> & { clock?: Clock; log?: (message: string) => void; signal?: AbortSignal };

/** Pulls `name` of a registry, whose mirrors and credentials are these. */
async function pull(
  name: string,
  {
    mirrors = [],
    credentials = [],
    clock = machineClock,
    log = () => undefined,
    signal = AbortSignal.timeout(testMs),
  }: Pull = {},
) {
  const registries: Registries = { mirrors, credentials };
  const context = {
    containerd: world.containerd,
    registries,
    hostsDirectory: await writeRegistryHosts(world.directory, registries),
    clock,
    log: { info: log, error: log },
  };
  return await bringImage(context, parseReference(name), signal);
}

/** All that an error and its causes say. */
async function refusalOf(pulled: Promise<unknown>): Promise<string> {
  const lines: string[] = [];
  let error: unknown = await pulled.catch((reason: unknown) => reason);
  while (error instanceof Error) {
    lines.push(error.message, ...("hint" in error && typeof error.hint === "string" ? [error.hint] : []));
    error = error.cause;
  }
  return lines.join("\n");
}

const digestOf = (bytes: string | Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

type Blob = { mediaType: string; digest: string; size: number; content: string };
function blobOf(mediaType: string, value: unknown): Blob {
  const content = typeof value === "string" ? value : JSON.stringify(value);
  return { mediaType, digest: digestOf(content), size: Buffer.byteLength(content), content };
}
const described = ({ mediaType, digest, size }: Omit<Blob, "content">) => ({ mediaType, digest, size });

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";

/** An archive without files, and so an image without layers of any weight. */
const emptyLayer = blobOf(layerType, "\0".repeat(10_240));

function imageOf(layer: Omit<Blob, "content"> = emptyLayer, note = "") {
  const config = blobOf("application/vnd.oci.image.config.v1+json", {
    os: "linux",
    architecture: process.arch === "x64" ? "amd64" : process.arch,
    config: { Cmd: ["/true"], Labels: { note } },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  });
  const manifest = blobOf(manifestType, {
    schemaVersion: 2,
    mediaType: manifestType,
    config: described(config),
    layers: [described(layer)],
  });
  return { config, manifest };
}

/** A registry that has these; others are answered by `otherwise`. */
function holding(blobs: readonly Blob[], tags: Readonly<Record<string, Blob>>, otherwise?: Answer): Answer {
  const byDigest = new Map(blobs.map((blob) => [blob.digest, blob]));
  return async (request) => {
    const what = new URL(request.url).pathname.split("/").at(-1) ?? "";
    const blob = tags[what] ?? byDigest.get(what);
    if (blob === undefined) return (await otherwise?.(request)) ?? new Response("", { status: 404 });
    const headers = { "content-type": blob.mediaType, "docker-content-digest": blob.digest };
    if (request.method === "HEAD")
      return new Response(null, { headers: { ...headers, "content-length": String(blob.size) } });
    return new Response(blob.content, { headers });
  };
}

/** Chunks without end, at a pace that no memory minds; tells how many bytes it was asked for. */
function endless(bytes = 64 * 1024): { response: () => Response; sent: () => number } {
  let sent = 0;
  const chunk = new Uint8Array(bytes).fill(0x20);
  const response = (): Response =>
    new Response(
      new ReadableStream({
        async pull(controller) {
          await machineClock.sleep(50);
          sent += chunk.length;
          controller.enqueue(chunk);
        },
      }),
      { headers: { "content-type": manifestType } },
    );
  return { response, sent: () => sent };
}

/** Two minutes pass in two seconds. */
const hasty: Clock = { ...machineClock, sleep: async (ms, signal) => machineClock.sleep(ms / 60, signal) };

test(
  "an image comes, its progress is told, and what a digest names is never fetched twice",
  async () => {
    const { config, manifest } = imageOf(emptyLayer, "plain");
    const asked: string[] = [];
    const answer = holding([config, manifest, emptyLayer], { v1: manifest });
    const registry = serve((request) => {
      asked.push(`${request.method} ${new URL(request.url).pathname}`);
      return answer(request);
    });
    const said: string[] = [];
    const image = await pull(`${registry}/tool:v1`, { log: (message) => void said.push(message) });
    expect(image).toMatchObject({ digest: manifest.digest, config: { Cmd: ["/true"] }, chain: emptyLayer.digest });
    expect(said).toContain(`image: ${registry}/tool:v1 is ${manifest.digest}`);
    expect(said.join("\n")).toContain("0.0 MB in 1 layers");

    await pull(`${registry}/tool@${manifest.digest}`);
    const before = asked.length;
    await pull(`${registry}/tool@${manifest.digest}`);
    expect(asked.slice(before)).toEqual([]);
    await pull(`${registry}/tool:v1`);
    expect(asked.slice(before)).toEqual(["HEAD /v2/tool/manifests/v1"]);
  },
  testMs,
);

test(
  "of an index, the image of this machine comes, and its name means that image",
  async () => {
    const { config, manifest } = imageOf(emptyLayer, "of an index");
    const platforms = [
      { ...described(blobOf(manifestType, {})), platform: { os: "linux", architecture: "s390x" } },
      {
        ...described(manifest),
        platform: { os: "linux", architecture: process.arch === "x64" ? "amd64" : process.arch },
      },
    ];
    const index = blobOf(indexType, { schemaVersion: 2, mediaType: indexType, manifests: platforms });
    const registry = serve(holding([config, manifest, emptyLayer, index], { v1: index }));
    const name = `${registry}/tool@${index.digest}`;
    expect((await pull(name)).digest).toBe(manifest.digest);
    const { image } = await world.containerd.images.get({ name });
    expect(image?.target?.digest).toBe(manifest.digest);

    const other = blobOf(indexType, { schemaVersion: 2, mediaType: indexType, manifests: platforms.slice(0, 1) });
    const refusal = await refusalOf(pull(`${serve(holding([other], { v1: other }))}/tool:v1`));
    expect(refusal).toMatch(/no match for platform|no image for linux|not found/);
  },
  testMs,
);

test(
  "a manifest without end is given up",
  async () => {
    const stream = endless();
    const refusal = await refusalOf(pull(`${serve(stream.response)}/tool:v1`, { clock: hasty }));
    expect(refusal).toContain("0 bytes came in 120 s");
    expect(stream.sent()).toBeLessThan(64 * mebibyte);
  },
  testMs,
);

test(
  "an answer without end where a token was asked for is given up",
  async () => {
    const stream = endless();
    const registry = serve((request) => {
      if (new URL(request.url).pathname === "/token") return stream.response();
      const challenge = `Bearer realm="${new URL("/token", request.url).href}",service="s"`;
      return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
    });
    expect(await refusalOf(pull(`${registry}/tool:v1`, { clock: hasty }))).toContain("0 bytes came in 120 s");
    expect(stream.sent()).toBeLessThan(64 * mebibyte);
  },
  testMs,
);

test(
  "a layer that trickles is given up",
  async () => {
    const layer = { mediaType: layerType, digest: digestOf("what trickles"), size: 10 * mebibyte };
    const { config, manifest } = imageOf(layer, "slow");
    const registry = serve(holding([config, manifest], { v1: manifest }, endless(128).response));
    expect(await refusalOf(pull(`${registry}/tool:v1`, { clock: hasty }))).toMatch(/\d+ bytes came in 120 s/);
  },
  testMs,
);

test(
  "a layer is given up where it is longer, or other, than the manifest says",
  async () => {
    const stream = endless();
    const short = { mediaType: layerType, digest: digestOf("what it is to be"), size: 200_000 };
    const { config, manifest } = imageOf(short, "too long");
    const refusal = await refusalOf(
      pull(`${serve(holding([config, manifest], { v1: manifest }, stream.response))}/tool:v1`),
    );
    expect(refusal).toContain("no registry gave it");
    expect(stream.sent()).toBeLessThan(64 * mebibyte);
    expect(await ifThere(world.containerd.content.info({ digest: short.digest }))).toBeUndefined();
  },
  testMs,
);

/** Wants a token for everything; what was sent for it is kept. */
function wantsToken(issue: (request: Request) => Response | Promise<Response>) {
  const sent: string[] = [];
  const { config, manifest } = imageOf(emptyLayer, "behind a token");
  const held = holding([config, manifest, emptyLayer], { v1: manifest });
  const answer: Answer = async (request) => {
    const { pathname, search } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    if (pathname === "/token") {
      const body = request.method === "POST" ? await request.clone().text() : search;
      sent.push(`${request.method} ${body} ${authorization ?? "nobody"}`);
      return await issue(request);
    }
    if (authorization === "Bearer good") return await held(request);
    const challenge = `Bearer realm="${new URL("/token", request.url).href}",service="s",scope="repository:tool:pull"`;
    return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  };
  return { sent, registry: serve(answer) };
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
const good = (): Response => Response.json({ access_token: "good", token: "good" });
const credentialOf = (registry: string, credential: Omit<Credential, "registry">) => ({
  credentials: [{ registry, ...credential }],
});

test(
  "an identity token is exchanged, and never shown to the registry itself",
  async () => {
    const { sent, registry } = wantsToken(good);
    await pull(`${registry}/tool:v1`, credentialOf(registry, { identitytoken: "long-lived" }));
    expect(new Set(sent).size).toBe(1);
    expect(sent[0]).toMatch(/^POST .*grant_type=refresh_token.*refresh_token=long-lived.* nobody$/);
  },
  testMs,
);

test(
  "a password is exchanged, and shown in the older way where that is not known",
  async () => {
    const modern = wantsToken(good);
    await pull(`${modern.registry}/tool:v1`, credentialOf(modern.registry, { username: "u", password: "p:&" }));
    expect(modern.sent[0]).toMatch(/^POST .*grant_type=password.*password=p%3A%26.*username=u.* nobody$/);
    const older = wantsToken((request) => (request.method === "POST" ? new Response("", { status: 404 }) : good()));
    await pull(
      `${older.registry}/tool:v1`,
      credentialOf(older.registry, { auth: Buffer.from("u:p").toString("base64") }),
    );
    expect(older.sent.at(-1)).toMatch(new RegExp(`^GET .* ${basic("u:p")}$`));
  },
  testMs,
);

test(
  "who has no credential asks as nobody",
  async () => {
    const { sent, registry } = wantsToken(good);
    await pull(`${registry}/tool:v1`);
    expect(sent[0]).toMatch(/^GET .* nobody$/);
  },
  testMs,
);

/** Wants a user name and a password; what was shown is kept. */
function wantsPassword(blobs: Answer = () => new Response("", { status: 404 })) {
  const shown: (string | null)[] = [];
  const registry = serve((request) => {
    const authorization = request.headers.get("authorization");
    shown.push(authorization);
    if (authorization === basic("u:p")) return blobs(request);
    return new Response("", { status: 401, headers: { "www-authenticate": `Basic realm="x"` } });
  });
  return { shown, registry };
}

test(
  "where only a user name and a password will do, an identity token is not shown",
  async () => {
    const { shown, registry } = wantsPassword();
    const refusal = await refusalOf(
      pull(`${registry}/tool:v1`, credentialOf(registry, { identitytoken: "long-lived" })),
    );
    expect(refusal).toContain("no registry gave it");
    expect(new Set(shown)).toEqual(new Set([null]));
  },
  testMs,
);

test(
  "a host without a credential is named as what to set one for",
  async () => {
    const { registry } = wantsPassword();
    expect(await refusalOf(pull(`${registry}/tool:v1`))).toContain(
      `set settings.container-registry.credentials for ${registry}`,
    );
  },
  testMs,
);

test(
  "a mirror sees its own credential, not that of the registry, and the other way round",
  async () => {
    const { config, manifest } = imageOf(emptyLayer, "of two places");
    const mirror = wantsPassword();
    const origin = wantsPassword(holding([config, manifest, emptyLayer], { v1: manifest }));
    const mirrors = [{ registry: origin.registry, endpoint: [`http://${mirror.registry}`] }];
    await pull(`${origin.registry}/tool:v1`, {
      mirrors,
      ...credentialOf(origin.registry, { username: "u", password: "p" }),
    });
    expect(new Set(mirror.shown)).toEqual(new Set([null]));
    expect(origin.shown).toContain(basic("u:p"));
  },
  testMs,
);

test(
  "a registry that sends a client on to another host does not hand over its credential",
  async () => {
    const store = wantsPassword();
    const { config, manifest } = imageOf(blobOf(layerType, "\0".repeat(20_480)), "with a layer elsewhere");
    const elsewhere: Answer = (request) => {
      // A host is an address here: its ports are one party.
      return Response.redirect(
        `http://${store.registry.replace("127.0.0.1", "127.0.0.2")}${new URL(request.url).pathname}`,
        307,
      );
    };
    const { registry } = wantsPassword(holding([config, manifest], { v1: manifest }, elsewhere));
    const refusal = await refusalOf(
      pull(`${registry}/tool:v1`, credentialOf(registry, { username: "u", password: "p" })),
    );
    expect(refusal).toContain("no registry gave it");
    expect(store.shown.length).toBeGreaterThan(0);
    expect(new Set(store.shown)).toEqual(new Set([null]));
  },
  testMs,
);
