/**
 * What settings say about proxies, authorities, mirrors and credentials, followed by the containerd of our images: it
 * fetches through an HTTPS proxy with a password whose certificate only `settings.pki` vouches for, and past it for
 * the names of `no-proxy`. Its environment and files are those that a host renders.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bringImage } from "../../../host/containers/pull/pull.ts";
import { parseReference } from "../../../host/containers/registry/reference.ts";
import { proxyEnvironment } from "../../../host/files/proxy.ts";
import { trustStore } from "../../../host/files/trust-store.ts";
import { machineClock } from "../../../lib/clock.ts";
import type { JsonObject } from "../../../lib/text/json.ts";
import { TestAuthority } from "../../worlds/network/certificates.ts";
import { startHttpsProxy, type HttpsProxy } from "../../worlds/network/https-proxy.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { testContainerd } from "../../worlds/containers/containerd.ts";
import { writeRegistryHosts } from "../../worlds/containers/registry-hosts.ts";
import { registryName, startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { compileMs, openRuntime } from "../../worlds/containers/runtime.ts";
import { factsOf, settingsOf } from "../../worlds/host/settings.ts";

const login = { username: "proxyuser", password: "p@ss:word" };
const bundlePath = "/etc/ssl/certs/ca-certificates.crt";
let registry: TestRegistry;
let proxy: HttpsProxy;
let proxyAuthority: TestAuthority;

beforeAll(async () => {
  await openRuntime();
  registry = await startTestRegistry({ tls: true, auth: true });
  proxyAuthority = await TestAuthority.make("company");
  proxy = await startHttpsProxy(await proxyAuthority.server(["127.0.0.1"]), login);
  await using image = await busyboxImage({ entrypoint: ["/bin/true"] });
  await registry.push(image.layout, "test/true:v1");
}, compileMs);
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

/** Brings an image as a host with these settings would; gives what was the matter when that failed. */
async function fetchImage(name: string, tree: JsonObject): Promise<string | undefined> {
  const settings = settingsOf(tree);
  const { mirrors = [] } = settings["container-registry"];
  await using world = await testContainerd("proxies", async (directory) => {
    const root = join(directory, "root");
    for (const file of [trustStore, proxyEnvironment].flatMap((group) => group.render(settings, factsOf("dev")))) {
      if ("linkTo" in file) continue;
      await mkdir(dirname(join(root, file.path)), { recursive: true });
      await writeFile(join(root, file.path), file.content);
    }
    const environment = await environmentIn(join(root, "etc/network/proxy.env"));
    return { ...environment, SSL_CERT_FILE: join(root, bundlePath) };
  });
  const context = {
    containerd: world.containerd,
    registries: { mirrors, credentials: [registry.credential(registry.here), registry.credential(hostOf(name))] },
    hostsDirectory: await writeRegistryHosts(world.directory, { mirrors }),
    clock: machineClock,
    log: { info: () => undefined, error: () => undefined },
  };
  try {
    await bringImage(context, parseReference(name), AbortSignal.timeout(50_000));
    return undefined;
  } catch (error) {
    return error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  }
}

const hostOf = (name: string): string => name.split("/")[0] ?? "";

async function environmentIn(path: string): Promise<Record<string, string>> {
  const text = await Bun.file(path).text();
  return Object.fromEntries(
    text
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

const encodedLogin = (): string => `${login.username}:${encodeURIComponent(login.password)}`;
const throughProxy = (): JsonObject => ({
  network: { "https-proxy": `https://${encodedLogin()}@127.0.0.1:${proxy.port}` },
  pki: { ...registry.pki, company: { data: proxyAuthority.setting, trusted: true } },
});
const reference = (): string => `${registryName}:${registry.port}/test/true:v1`;

test("a fetch goes through the proxy, with its password, trusting the authority of the settings", async () => {
  expect(await fetchImage(reference(), throughProxy())).toBeUndefined();
  expect(new Set(proxy.connected)).toEqual(new Set([`${registryName}:${registry.port}`]));
}, 60_000);

test("a proxy whose authority nobody vouches for is not trusted", async () => {
  const { network } = throughProxy();
  expect(await fetchImage(reference(), { network: network ?? {}, pki: registry.pki })).toContain("unknown authority");
}, 60_000);

test("a wrong password is refused by the proxy", async () => {
  const before = proxy.refused();
  const network = { "https-proxy": `https://${login.username}:wrong@127.0.0.1:${proxy.port}` };
  expect(await fetchImage(reference(), { ...throughProxy(), network })).toContain("Proxy Authentication Required");
  expect(proxy.refused()).toBeGreaterThan(before);
}, 60_000);

test.each([registryName, ".example.com", "example.com"])(
  "names under no-proxy %s are not asked of the proxy",
  async (name) => {
    const before = proxy.connected.length;
    const { network } = throughProxy();
    const direct = { ...throughProxy(), network: { ...(network as JsonObject), "no-proxy": [name] } };
    // No name server knows it, so going there directly fails: which is how it shows.
    expect(await fetchImage(reference(), direct)).toMatch(/no such host|server misbehaving|dial tcp: lookup/);
    expect(proxy.connected.length).toBe(before);
  },
  60_000,
);

test("a mirror stands in for a registry that is not there, and for every one as *", async () => {
  for (const name of ["gone.example.com", "*"]) {
    const mirrors = [{ registry: name, endpoint: [`https://127.0.0.1:${registry.port}`] }];
    const settings = { pki: registry.pki, "container-registry": { mirrors } };
    expect(await fetchImage("gone.example.com/test/true:v1", settings)).toBeUndefined();
  }
}, 60_000);
