/** The `apiclient` for laptops is one file that needs nothing beside it: made, copied somewhere else, and used. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileClient } from "../../../programs/compile.ts";
import { ask } from "../../../lib/program/process.ts";
import { TestAuthority } from "../../worlds/network/certificates.ts";
import { runningHost, type RunningHost } from "../../worlds/host/running-host.ts";

let directory = "";
let client = "";
let host: RunningHost;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "laptop-"));
  client = join(directory, "apiclient");
  await compileClient(process.arch === "arm64" ? "linux-aarch64" : "linux-x86_64", client);
  host = await runningHost();
}, 60_000);

afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

async function apiclient(words: readonly string[], env: Record<string, string> = {}) {
  return await ask([client, "-s", host.socket, ...words], { cwd: "/", env: { HOME: directory, ...env } });
}

test("it talks to a host, and completes its words", async () => {
  expect(await apiclient(["set", "motd=from a laptop"])).toMatchObject({ exitCode: 0 });
  expect((await apiclient(["get", "settings.motd"])).stdout).toContain("from a laptop");
  expect((await apiclient(["completion", "bash"])).stdout).toContain("complete ");
});

test("settings are applied from an https URL whose certificate is trusted, and from no other", async () => {
  const authority = await TestAuthority.make("web");
  const { certificate: cert, key } = await authority.server(["localhost"]);
  using server = Bun.serve({
    port: 0,
    tls: { cert, key },
    fetch: () => new Response('[settings]\nmotd = "from the web"\n'),
  });
  const url = `https://localhost:${server.port}/settings.toml`;
  const refused = await apiclient(["apply", url]);
  expect(refused.stderr).toContain(`cannot read ${url}`);
  expect(refused.exitCode).toBe(1);
  const ca = join(directory, "ca.pem");
  await Bun.write(ca, authority.pem);
  expect(await apiclient(["apply", url], { NODE_EXTRA_CA_CERTS: ca })).toMatchObject({ exitCode: 0 });
  expect((await apiclient(["get", "settings.motd"])).stdout).toContain("from the web");
});

test("it is made for laptops of another architecture too", async () => {
  const foreign = join(directory, "apiclient-aarch64");
  await compileClient("linux-aarch64", foreign);
  await using file = await open(foreign);
  const header = (await file.read(Buffer.alloc(20), 0, 20, 0)).buffer;
  // e_machine of the ELF header: EM_AARCH64.
  expect([header.toString("latin1", 1, 4), header.readUInt16LE(18)]).toEqual(["ELF", 183]);
}, 60_000);
