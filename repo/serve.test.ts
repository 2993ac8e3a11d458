import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { serveRepository } from "./serve.ts";

let directory = "";
let server: ReturnType<typeof serveRepository>;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "serve-"));
  await writeFile(join(directory, "a b.json"), "{}");
  server = serveRepository(directory);
});
afterAll(async () => {
  server[Symbol.dispose]();
  await rm(directory, { recursive: true });
});

const ask = async (path: string, method = "GET") => await fetch(new URL(path, server.url), { method });

test("files are served, by GET and HEAD only", async () => {
  expect(await (await ask("/a%20b.json")).text()).toBe("{}");
  expect((await ask("/a%20b.json", "HEAD")).status).toBe(200);
  for (const method of ["POST", "PUT", "DELETE"]) {
    const { status, headers } = await ask("/a%20b.json", method);
    expect([method, status, headers.get("allow")]).toEqual([method, 405, "GET, HEAD"]);
  }
});

test("what is no path is a bad request, what is not there is not found", async () => {
  for (const path of ["/%ff%", "/%", "/%c3%28"]) expect([path, (await ask(path)).status]).toEqual([path, 400]);
  for (const path of ["/", "/none.json", "/.hidden", "/%2e%2e/x"]) {
    expect([path, (await ask(path)).status]).toEqual([path, 404]);
  }
});
