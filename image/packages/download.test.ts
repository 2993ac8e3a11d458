import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openLocked } from "../../lib/files/file-lock.ts";
import { contentPath } from "./cache.ts";
import { download, type RemoteFile } from "./download.ts";

const body = randomBytes(300_000);
const sha256 = createHash("sha256").update(body).digest("hex");

/** What the server does with the n-th request for the file, from 1. */
type Behaviour = (request: Request, attempt: number) => Response | Promise<Response>;

let server: Bun.Server<undefined>;
let behave: Behaviour;
let requests: (string | null)[];
let cache: string;

beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 5,
    fetch: (request) => {
      requests.push(request.headers.get("range"));
      return behave(request, requests.length);
    },
  });
});
afterAll(async () => {
  await server.stop(true);
  await rm(cache, { recursive: true, force: true });
});
beforeEach(async () => {
  if (cache !== undefined) await rm(cache, { recursive: true, force: true });
  cache = await mkdtemp(join(tmpdir(), "download-"));
  requests = [];
  behave = honest;
});

/** Serves the file, and the rest of it when asked for a range. */
function honest(request: Request): Response {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  if (from === 0) return new Response(body);
  const headers = { "content-range": `bytes ${from}-${body.length - 1}/${body.length}` };
  return new Response(body.subarray(from), { status: 206, headers });
}

/** Sends the first bytes and closes the connection, or stays silent when `silent`. */
function partly(bytes: number, silent = false): Response {
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(body.subarray(0, bytes));
      if (silent) return;
      await Bun.sleep(20);
      controller.close();
    },
  });
  return new Response(stream);
}

function wanted(overrides: Partial<RemoteFile> = {}): RemoteFile {
  return { url: new URL("pool/a.deb", server.url).href, sha256, bytes: body.length, ...overrides };
}

function fetchAll(
  files: readonly RemoteFile[],
  options: { tries?: number; stallMs?: number; signal?: AbortSignal } = {},
) {
  return download(files, { cache, label: "downloading test files", backoffMs: 1, stallMs: 2_000, ...options });
}

/** What a process that was killed leaves of the file. */
async function leavePartial(content: Uint8Array): Promise<string> {
  const path = `${contentPath(cache, sha256)}.00ff00ff.partial`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function filesInCache(): Promise<string[]> {
  return (await readdir(cache, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

test("a file comes into the cache under its hash and is not asked for again", async () => {
  const paths = await fetchAll([wanted()]);
  expect(paths.get(sha256)).toBe(contentPath(cache, sha256));
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
  await fetchAll([wanted(), wanted()]);
  expect(requests.length).toBe(1);
  expect(await filesInCache()).toEqual([sha256]);
});

test("a file that changed in the cache is fetched again", async () => {
  await fetchAll([wanted()]);
  const bad = Buffer.from(body);
  bad[1000] = (bad[1000] ?? 0) ^ 1;
  await writeFile(contentPath(cache, sha256), bad);
  await fetchAll([wanted()]);
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
});

test("a transfer that breaks off goes on where it stopped", async () => {
  behave = (request, attempt) => (attempt === 1 ? partly(100_000) : honest(request));
  await fetchAll([wanted()]);
  expect(requests).toEqual([null, "bytes=100000-"]);
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
});

test("a transfer that stalls is given up and goes on", async () => {
  behave = (request, attempt) => (attempt === 1 ? partly(50_000, true) : honest(request));
  await fetchAll([wanted()], { stallMs: 200 });
  expect(requests).toEqual([null, "bytes=50000-"]);
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
});

test("a server that never answers is given up", async () => {
  behave = () => new Promise<Response>(() => undefined);
  await expect(fetchAll([wanted()], { stallMs: 50, tries: 2 })).rejects.toMatchObject({
    code: "download",
    cause: { code: "stalled" },
  });
});

test("a server that knows no ranges makes the transfer start anew", async () => {
  behave = (_request, attempt) => (attempt === 1 ? partly(100_000) : new Response(body));
  await fetchAll([wanted()]);
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
});

test("a server that continues somewhere else than asked makes the transfer start anew", async () => {
  behave = (request, attempt) => {
    if (attempt === 1) return partly(100_000);
    if (attempt > 2) return honest(request);
    return new Response(body.subarray(0, 1000), { status: 206, headers: { "content-range": "bytes 0-999/300000" } });
  };
  await fetchAll([wanted()]);
  expect(requests).toEqual([null, "bytes=100000-", null]);
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
});

test.each([503, 429, 500, 404, 403])(
  "an answer %d in the middle leaves what came, for this run or the next",
  async (status) => {
    behave = (request, attempt) => {
      if (attempt === 1) return partly(100_000);
      return attempt === 2 ? new Response("not now", { status }) : honest(request);
    };
    await fetchAll([wanted()]).catch(async (error: unknown) => {
      expect(error).toMatchObject({ code: "not-on-mirror" });
      await fetchAll([wanted()]);
    });
    expect(requests).toEqual([null, "bytes=100000-", "bytes=100000-"]);
    expect(await readFile(contentPath(cache, sha256))).toEqual(body);
  },
);

test("a page of a network that wants a login, in place of the rest, leaves what came", async () => {
  behave = (request, attempt) => {
    if (attempt === 1) return partly(100_000);
    return attempt === 2 ? new Response("<html>please log in</html>") : honest(request);
  };
  await fetchAll([wanted()]);
  expect(requests).toEqual([null, "bytes=100000-", "bytes=100000-"]);
});

test("a whole file that a process left before it could give it its name is not asked for again", async () => {
  await leavePartial(body);
  await fetchAll([wanted()]);
  expect(requests).toEqual([]);
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
});

test("a wrong file of the right length that a process left is begun anew", async () => {
  await leavePartial(randomBytes(body.length));
  await fetchAll([wanted()]);
  expect(requests).toEqual([null]);
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
});

test("content with another hash never gets the name of the right one", async () => {
  behave = () => new Response(randomBytes(body.length));
  await expect(fetchAll([wanted()], { tries: 9 })).rejects.toMatchObject({
    code: "download",
    cause: { code: "hash-mismatch", message: expect.stringContaining(`expected ${sha256}`) },
  });
  expect(requests).toEqual([null, null]);
  expect(await Bun.file(contentPath(cache, sha256)).exists()).toBe(false);
});

test("content that is too long is cut off", async () => {
  behave = () => new Response(Buffer.concat([body, body]));
  await expect(fetchAll([wanted()], { tries: 1 })).rejects.toMatchObject({ cause: { code: "length-mismatch" } });
});

test("content that stays too short is refused", async () => {
  behave = (request) => (request.headers.has("range") ? new Response("", { status: 416 }) : partly(10));
  await expect(fetchAll([wanted()], { tries: 3 })).rejects.toMatchObject({ code: "download" });
  expect(await Bun.file(contentPath(cache, sha256)).exists()).toBe(false);
});

test("a server's error is tried again", async () => {
  behave = (request, attempt) => (attempt < 3 ? new Response("busy", { status: 503 }) : honest(request));
  await fetchAll([wanted()]);
  expect(requests.length).toBe(3);
});

test("a file that the mirror does not have is not tried again, and the lock is named as the remedy", async () => {
  behave = () => new Response("gone", { status: 404 });
  await expect(fetchAll([wanted()])).rejects.toMatchObject({
    code: "not-on-mirror",
    hint: expect.stringContaining("--update-lock"),
  });
  expect(requests.length).toBe(1);
});

test("an error does not show the mirror's password", async () => {
  behave = () => new Response("gone", { status: 404 });
  const url = new URL("pool/a.deb", server.url);
  url.username = "me";
  url.password = "secret";
  const error: unknown = await fetchAll([wanted({ url: url.href })]).catch((reason: unknown) => reason);
  expect(String(error)).toContain("/pool/a.deb");
  expect(String(error)).not.toContain("secret");
});

test("what a process that ended left unfinished is gone on with", async () => {
  await leavePartial(body.subarray(0, 200_000));
  await fetchAll([wanted()]);
  expect(requests).toEqual(["bytes=200000-"]);
  expect(await filesInCache()).toEqual([sha256]);
});

test("what a living process is downloading is left alone", async () => {
  const path = await leavePartial(body.subarray(0, 200_000));
  await using theirs = await openLocked(path);
  expect(theirs).toBeDefined();
  await fetchAll([wanted()]);
  expect(requests).toEqual([null]);
  expect((await filesInCache()).toSorted()).toEqual([sha256, `${sha256}.00ff00ff.partial`].toSorted());
});

test("two downloads of one file at a time both end with the whole file", async () => {
  behave = async (request) => {
    await Bun.sleep(10);
    return honest(request);
  };
  await Promise.all([fetchAll([wanted()]), fetchAll([wanted()])]);
  expect(await readFile(contentPath(cache, sha256))).toEqual(body);
  expect(await filesInCache()).toEqual([sha256]);
});

test("an abort ends all transfers at once", async () => {
  behave = () => partly(1000, true);
  const controller = new AbortController();
  const transfer = fetchAll([wanted(), wanted({ sha256: "0".repeat(64) })], { signal: controller.signal });
  await Bun.sleep(50);
  controller.abort(new Error("enough"));
  await expect(transfer).rejects.toThrow("enough");
});
