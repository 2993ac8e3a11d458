/**
 * What settings say about proxies, authorities, mirrors and credentials, followed by the containerd of our images: it
 * fetches through an HTTPS proxy with a password whose certificate only `settings.pki` vouches for, and past it for
 * the names of `no-proxy`. Its environment and files are those that a host renders.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openToolsRoot, toolCommand, type ToolsRoot } from "../../../image/packages/tools-root.ts";
import { proxyEnvironment } from "../../../host/files/proxy.ts";
import { registries } from "../../../host/files/containers/registries.ts";
import { trustStore } from "../../../host/files/trust-store.ts";
import type { JsonObject } from "../../../lib/text/json.ts";
import { ask } from "../../../lib/program/process.ts";
import { TestAuthority } from "../../worlds/network/certificates.ts";
import { startHttpsProxy, type HttpsProxy } from "../../worlds/network/https-proxy.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { registryName, startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { factsOf, settingsOf } from "../../worlds/host/settings.ts";

const login = { username: "proxyuser", password: "p@ss:word" };
const bundlePath = "/etc/ssl/certs/ca-certificates.crt";
let tools: ToolsRoot;
let scratch: string;
let daemon: Bun.Subprocess;
let registry: TestRegistry;
let proxy: HttpsProxy;
let proxyAuthority: TestAuthority;
let image: AsyncDisposable & { layout: string };

beforeAll(async () => {
  tools = await openToolsRoot({ sets: ["runtime"] });
  scratch = await mkdtemp(join(tmpdir(), "proxy-"));
  await startContainerd();
  registry = await startTestRegistry({ tls: true, auth: true });
  proxyAuthority = await TestAuthority.make("company");
  proxy = await startHttpsProxy(await proxyAuthority.server(["127.0.0.1"]), login);
  image = await busyboxImage({ entrypoint: ["/bin/true"] });
  await registry.push(image.layout, "test/true:v1");
}, 300_000);
afterAll(async () => {
  daemon.kill("SIGKILL");
  await daemon.exited;
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await image[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true, force: true });
});

async function startContainerd(): Promise<void> {
  const at = (name: string): string => JSON.stringify(join(scratch, name));
  await writeFile(
    join(scratch, "config.toml"),
    [
      "version = 2",
      `root = ${at("root")}`,
      `state = ${at("state")}`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\naddress = ${at("containerd.sock")}`,
      `[ttrpc]\naddress = ${at("containerd.sock.ttrpc")}`,
    ].join("\n"),
  );
  const log = Bun.file(join(scratch, "containerd.log"));
  await log.write("");
  daemon = Bun.spawn(
    toolCommand(tools, ["containerd", "--config", join(scratch, "config.toml")], { binds: [scratch] }),
    {
      stdin: "ignore",
      stdout: log,
      stderr: log,
    },
  );
  while (!(await log.text()).includes("successfully booted")) {
    if (daemon.exitCode !== null) throw new Error(`containerd ended: ${await log.text()}`);
    await Bun.sleep(50);
  }
}

/** Fetches an image as a host with these settings would; returns its output when that failed. */
async function fetchImage(name: string, tree: JsonObject): Promise<string | undefined> {
  const settings = settingsOf(tree);
  const facts = factsOf("dev");
  const root = await mkdtemp(join(scratch, "etc-"));
  const files = [trustStore, registries, proxyEnvironment].flatMap((group) => group.render(settings, facts));
  for (const file of files) {
    if ("linkTo" in file) continue;
    await mkdir(dirname(join(root, file.path)), { recursive: true });
    await writeFile(join(root, file.path), file.content);
  }
  const { username, password } = registry.credential("");
  const argv = ["ctr", `--address=${join(scratch, "containerd.sock")}`, "content", "fetch"] as const;
  const options = [`--hosts-dir=${join(root, "etc/containerd/certs.d")}`, `--user=${username}:${password}`];
  const { stdout, stderr, exitCode } = await ask(
    toolCommand(tools, [...argv, ...options, name], {
      binds: [scratch],
      env: { ...(await environmentIn(join(root, "etc/network/proxy.env"))), SSL_CERT_FILE: join(root, bundlePath) },
    }),
  );
  return exitCode === 0 ? undefined : `${stdout}${stderr}`;
}

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
