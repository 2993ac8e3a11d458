import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSource } from "./source.ts";

const words = 'motd = "hi"\n';
let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "source-"));
  await writeFile(join(directory, "a b.toml"), words);
});
afterAll(async () => await rm(directory, { recursive: true }));

const { signal } = new AbortController();
async function* stdin() {
  yield new TextEncoder().encode("typed");
}
const read = async (source: string): Promise<string> =>
  new TextDecoder().decode(await readSource(source, { stdin, signal }));

test("reads a path, a file URL, base64 and standard input", async () => {
  expect(await read(join(directory, "a b.toml"))).toBe(words);
  expect(await read(`file://${directory}/a%20b.toml`)).toBe(words);
  expect(await read(`base64:${Buffer.from(words).toString("base64")}`)).toBe(words);
  expect(await read("-")).toBe("typed");
});

test("reads a pipe to its end, and no further than the limit", async () => {
  const fifo = join(directory, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const writes = (program: string) => Bun.spawn(["sh", "-c", `{ ${program}; } >"$1"`, "-", fifo]);
  await using _slow = writes("printf first; sleep 0.3; printf second");
  expect(await read(fifo)).toBe("firstsecond");
  await using _long = writes("head -c 300000 /dev/zero");
  expect((await read(fifo)).length).toBe(300_000);
  await using _endless = writes("cat /dev/zero");
  await expect(read(fifo)).rejects.toThrow(`cannot read ${fifo}: it has more than 2097152 bytes`);
});

test("standard input is read to its end, and no further than the limit", async () => {
  const from = async (...parts: string[]): Promise<string> => {
    async function* typed() {
      for (const part of parts) yield Buffer.from(part);
    }
    return new TextDecoder().decode(await readSource("-", { stdin: typed, signal }));
  };
  expect(await from("a", "b", "c")).toBe("abc");
  let chunksRead = 0;
  async function* endless() {
    for (;;) {
      chunksRead++;
      yield Buffer.alloc(1024 * 1024);
    }
  }
  await expect(readSource("-", { stdin: endless, signal })).rejects.toThrow("it has more than 2097152 bytes");
  expect(chunksRead).toBe(3);
});

test("reads from a web server, and tells its refusal", async () => {
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) =>
      new URL(url).pathname === "/there" ? new Response(words) : new Response("no", { status: 404 }),
  });
  expect(await read(new URL("/there", server.url).href)).toBe(words);
  const gone = new URL("/gone", server.url);
  gone.username = "me";
  gone.password = "secret";
  await expect(read(gone.href)).rejects.toThrow(`cannot read http://127.0.0.1:${server.port}/gone: status 404`);
});

test("a server that leads to a weaker place is not followed", async () => {
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("", { status: 302, headers: { location: "file:///etc/hostname" } }),
  });
  await expect(read(server.url.href)).rejects.toThrow("it leads from http to file");
});

test("stops reading from a server that does not end", async () => {
  using server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
        }),
      ),
  });
  await expect(read(server.url.href)).rejects.toThrow("it has more than 2097152 bytes");
});

test.each([
  ["ftp://example.com/x", "ftp: is none of file:, http:, https: and base64:"],
  ["base64:!", "cannot read the base64 text"],
  ["/no/such/file", "cannot read /no/such/file"],
  ["http://127.0.0.1:1/x", "cannot read http://127.0.0.1:1/x"],
  ["file://elsewhere/x", "it is no path on this machine"],
  ["/dev/zero", "it has more than 2097152 bytes"],
])("refuses %s", async (source, message) => {
  await expect(read(source)).rejects.toThrow(message);
});
