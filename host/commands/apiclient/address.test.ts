import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contextNames, contextsDirectory, hostAddress } from "./address.ts";

let home = "";
const before = process.env["XDG_CONFIG_HOME"];
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "address-"));
  process.env["XDG_CONFIG_HOME"] = home;
  await mkdir(contextsDirectory(), { recursive: true });
  for (const name of ["client.crt", "client.key", "ca.crt"]) await writeFile(join(contextsDirectory(), name), name);
  const files = { certificate: "client.crt", key: join(contextsDirectory(), "client.key") };
  const keep = async (name: string, value: unknown): Promise<void> =>
    await writeFile(join(contextsDirectory(), `${name}.json`), JSON.stringify(value));
  await keep("web", { url: "https://10.0.0.5:8443", ...files, ca: "ca.crt" });
  await keep("pinned", { url: "https://10.0.0.6:8443", ...files, fingerprint: "ab:cd" });
  await keep("plain", { url: "http://10.0.0.7", ...files, fingerprint: "ab:cd" });
  await writeFile(join(contextsDirectory(), "cut.json"), `{"url": "https://10.0.`);
  await keep("lost", { url: "https://10.0.0.8", certificate: "client.crt", key: "gone.key", ca: "ca.crt" });
});
afterAll(async () => {
  if (before === undefined) delete process.env["XDG_CONFIG_HOME"];
  else process.env["XDG_CONFIG_HOME"] = before;
  await rm(home, { recursive: true });
});

test("the host this runs on is meant unless another one is named", async () => {
  expect(await hostAddress({})).toEqual({ socket: "/run/api.sock" });
  expect(await hostAddress({ "socket-path": "/tmp/a.sock" })).toEqual({ socket: "/tmp/a.sock" });
});

test("a remote host is named by its URL or name, with certificate, key, and what it is known by", async () => {
  const file = (name: string): string => join(contextsDirectory(), name);
  const files = { cert: file("client.crt"), key: file("client.key") };
  expect(await hostAddress({ host: "web.example.com:9000", ...files, ca: file("ca.crt") })).toEqual({
    url: "https://web.example.com:9000",
    certificate: "client.crt",
    key: "client.key",
    trust: { ca: "ca.crt" },
  });
  expect(await hostAddress({ host: "https://10.0.0.1", ...files, fingerprint: "AB" })).toMatchObject({
    trust: { fingerprint: "AB" },
  });
});

test("a context holds all of that, with paths beside its file", async () => {
  expect(await hostAddress({ context: "web" })).toEqual({
    url: "https://10.0.0.5:8443",
    certificate: "client.crt",
    key: "client.key",
    trust: { ca: "ca.crt" },
  });
  expect(await hostAddress({ context: "pinned" })).toMatchObject({ trust: { fingerprint: "ab:cd" } });
  expect((await contextNames()).toSorted()).toEqual(["cut", "lost", "pinned", "plain", "web"]);
});

describe("what does not say one host clearly is refused", () => {
  test.each([
    [{ host: "a", "socket-path": "b" }, "--host and --socket-path exclude each other"],
    [{ host: "a", ca: "x" }, "--host needs the client's certificate and key"],
    [{ ca: "x" }, "--ca needs --host"],
    [{ host: "http://a", cert: "c", key: "k", ca: "x" }, 'an https URL, not "http://a"'],
    [{ host: "a b", cert: "c", key: "k", ca: "x" }, 'not "a b"'],
    [{ host: "a", cert: "/no/such", key: "k", ca: "x" }, "cannot read /no/such"],
    [{ context: "wbe" }, "cannot find the context wbe"],
    [{ context: "plain" }, "plain.json: url: "],
    [{ context: "cut" }, "cut.json: cannot read JSON"],
    [{ context: "lost" }, "cannot read"],
  ])("%j", async (options, message) => {
    await expect(hostAddress(options)).rejects.toThrow(message);
  });

  test("neither with CA and fingerprint, nor without both", async () => {
    const options = {
      host: "a",
      cert: join(contextsDirectory(), "client.crt"),
      key: join(contextsDirectory(), "client.key"),
    };
    await expect(hostAddress(options)).rejects.toThrow("one of --ca FILE and --fingerprint HEX");
    await expect(hostAddress({ ...options, ca: "x", fingerprint: "y" })).rejects.toThrow(
      "one of --ca FILE and --fingerprint HEX",
    );
  });
});
