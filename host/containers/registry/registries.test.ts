/**
 * Protects: one meaning of `settings.container-registry`. For each row, what containerd asks for an image of a pod, and for
 * one of the host's own containers, are the same, and are what the row says.
 */
import { expect, test } from "bun:test";
import { parse } from "smol-toml";
import { z } from "zod";
import { defined } from "../../../lib/defined.ts";
import { parseJson, type Json } from "../../../lib/text/json.ts";
import { factsOf, settingsOf } from "../../../test/worlds/host/settings.ts";
import type { RenderedFile } from "../../files/config-file.ts";
import { containerdConfig } from "../../files/containers/containerd.ts";
import { hostRegistries } from "../../files/containers/host-registries.ts";
import { registries as hostsFiles } from "../../files/containers/registries.ts";
import { loginFor } from "./credentials.ts";
import { parseReference, type Reference } from "./reference.ts";
import { loginOf, registriesSchema, type Login } from "./registries.ts";

const variant = "metal-k8s-1.35";
const facts = factsOf(variant);

/** "URL of a manifest < user:secret"; mirrors that may not resolve have "pull: " before it. */
type Requests = readonly string[];

type Row = { name: string; image: string; mirrors?: Json; credentials?: Json; requests: Requests };

const puller = (registry: string, username = "u") => ({ registry, username, password: "p" });
const origin = "https://registry.example.com/v2/tool/manifests/v1";
const mirrored = (...endpoint: string[]) => [{ registry: "registry.example.com", endpoint }];
const image = "registry.example.com/tool:v1";
const ns = "?ns=registry.example.com";

const rows: readonly Row[] = [
  { name: "nothing set", image, requests: [origin] },
  {
    name: "a mirror and its credential, both with the default port",
    image,
    mirrors: mirrored("https://198.51.100.7:443"),
    credentials: [puller("198.51.100.7:443")],
    requests: [`https://198.51.100.7/v2/tool/manifests/v1${ns} < u:p`, origin],
  },
  {
    name: "a mirror with the default port, its credential without",
    image,
    mirrors: mirrored("https://mirror.example.com:443"),
    credentials: [puller("mirror.example.com")],
    requests: [`https://mirror.example.com/v2/tool/manifests/v1${ns} < u:p`, origin],
  },
  {
    name: "a mirror without a port, its credential with the default one",
    image,
    mirrors: mirrored("https://mirror.example.com"),
    credentials: [puller("mirror.example.com:443")],
    requests: [`https://mirror.example.com/v2/tool/manifests/v1${ns} < u:p`, origin],
  },
  {
    name: "a plain mirror and its credential with its default port",
    image,
    mirrors: mirrored("http://mirror.example.com:80"),
    credentials: [puller("mirror.example.com:80")],
    requests: [`http://mirror.example.com/v2/tool/manifests/v1${ns} < u:p`, origin],
  },
  {
    name: "an image whose registry is named with the default port",
    image: "registry.example.com:443/tool:v1",
    credentials: [puller("registry.example.com")],
    requests: [`${origin} < u:p`],
  },
  {
    name: "a credential of another port",
    image,
    mirrors: mirrored("https://mirror.example.com:5000"),
    credentials: [puller("mirror.example.com"), puller("registry.example.com:5000")],
    requests: [`https://mirror.example.com:5000/v2/tool/manifests/v1${ns}`, origin],
  },
  {
    name: "the registry's credential is not shown to its mirror",
    image,
    mirrors: mirrored("https://mirror.example.com"),
    credentials: [puller("registry.example.com")],
    requests: [`https://mirror.example.com/v2/tool/manifests/v1${ns}`, `${origin} < u:p`],
  },
  {
    name: "each host gets its own, the first of two",
    image,
    mirrors: mirrored("https://mirror.example.com"),
    credentials: [puller("registry.example.com", "a"), puller("mirror.example.com", "b"), puller("mirror.example.com")],
    requests: [`https://mirror.example.com/v2/tool/manifests/v1${ns} < b:p`, `${origin} < a:p`],
  },
  {
    name: "a name as the host writes it comes before the same with its default port",
    image,
    credentials: [puller("registry.example.com:443", "a"), puller("registry.example.com", "b")],
    requests: [`${origin} < b:p`],
  },
  {
    name: "user and password in the URL of a mirror",
    image,
    mirrors: mirrored("https://u%40x:p%3A100%25@mirror.example.com/"),
    requests: [`https://mirror.example.com/v2/tool/manifests/v1${ns} < u@x:p:100%`, origin],
  },
  {
    name: "user and password in the URL of a mirror come before a credential for its host",
    image,
    mirrors: mirrored("https://u:p@mirror.example.com:443/cache/"),
    credentials: [puller("mirror.example.com", "b")],
    requests: [`https://mirror.example.com/cache/tool/manifests/v1${ns} < u:p`, origin],
  },
  {
    name: "Docker Hub by the name people know",
    image: "busybox",
    mirrors: [{ registry: "docker.io", endpoint: ["https://mirror.example.com"] }],
    credentials: [puller("docker.io")],
    requests: [
      "https://mirror.example.com/v2/library/busybox/manifests/latest?ns=docker.io",
      "https://registry-1.docker.io/v2/library/busybox/manifests/latest < u:p",
    ],
  },
  {
    name: "Docker Hub as a mirror, by the name people know",
    image,
    mirrors: mirrored("https://docker.io", "https://index.docker.io"),
    requests: [`https://registry-1.docker.io/v2/tool/manifests/v1${ns}`, origin],
  },
  {
    name: "Docker Hub by its host",
    image: "busybox",
    credentials: [puller("registry-1.docker.io")],
    requests: ["https://registry-1.docker.io/v2/library/busybox/manifests/latest < u:p"],
  },
  {
    name: "mirrors of all registries, for those without their own",
    image,
    mirrors: [
      { registry: "*", endpoint: ["https://all.example.com"] },
      { registry: "docker.io", endpoint: ["https://hub.example.com"] },
    ],
    requests: [`https://all.example.com/v2/tool/manifests/v1${ns}`, origin],
  },
  {
    name: "a registry that is named twice, and a mirror that is written twice",
    image,
    mirrors: [...mirrored("https://a.example.com", "https://b.example.com"), ...mirrored("https://a.example.com:443/")],
    requests: [
      `https://a.example.com/v2/tool/manifests/v1${ns}`,
      `https://b.example.com/v2/tool/manifests/v1${ns}`,
      origin,
    ],
  },
  {
    name: "a mirror that holds content and knows no tags",
    image,
    mirrors: [{ ...mirrored("https://mirror.example.com")[0], capabilities: ["pull"] }],
    requests: [`pull: https://mirror.example.com/v2/tool/manifests/v1${ns}`, origin],
  },
  {
    name: "a registry that is its own mirror",
    image,
    mirrors: mirrored("https://registry.example.com"),
    requests: [origin, origin],
  },
  {
    name: "a registry of this very host, with a mirror",
    image: "localhost:5000/tool:v1",
    mirrors: [{ registry: "localhost:5000", endpoint: ["https://mirror.example.com"] }],
    requests: [
      "https://mirror.example.com/v2/tool/manifests/v1?ns=localhost%3A5000",
      "http://localhost:5000/v2/tool/manifests/v1",
    ],
  },
  {
    name: "user and password as Docker keeps them",
    image,
    credentials: [{ registry: "registry.example.com", auth: Buffer.from("u:p:q").toString("base64") }],
    requests: [`${origin} < u:p:q`],
  },
];

function settings({ mirrors, credentials }: Row) {
  return settingsOf(
    {
      "container-registry": defined({ mirrors, credentials }),
    },
    variant,
  );
}

function written(files: readonly RenderedFile[]) {
  return files.flatMap((file) => ("content" in file ? [file] : []));
}

function only(files: readonly RenderedFile[]) {
  const [file, ...more] = written(files);
  if (file === undefined || more.length > 0) throw new Error(`expected one file, not ${files.length}`);
  return file;
}

const shown = (url: string, login: Login | undefined): string =>
  login === undefined ? url : `${url} < ${login.username}:${login.secret}`;

const hostsToml = z.object({
  server: z.string().optional(),
  host: z.record(
    z.string(),
    z.object({ capabilities: z.array(z.string()), override_path: z.boolean().default(false) }),
  ),
});
const authConfigs = z.record(
  z.string(),
  z.object({
    auth: z.object({
      username: z.string().exactOptional(),
      password: z.string().exactOptional(),
      auth: z.string().exactOptional(),
    }),
  }),
);

/**
 * What containerd asks: hosts of the directory of the registry, or of `_default`, then the registry; with credentials by
 * what Go takes for the host of the URL, which is what is written there.
 */
function requestsOf(row: Row, credentialFor: (host: string) => Login | undefined): string[] {
  const reference = parseReference(row.image);
  const files = new Map(written(hostsFiles.render(settings(row), facts)).map(({ path, content }) => [path, content]));
  const text = [reference.registry, "_default"].map((name) => files.get(`/etc/containerd/certs.d/${name}/hosts.toml`));
  const { host, server } = hostsToml.parse(parse(text.find((each) => each !== undefined) ?? "[host]"));
  const hosts = Object.entries(host).map(([url, { capabilities, override_path: isWhole }]) => {
    const { origin: base, path } = goUrl(url);
    return { base, path: isWhole ? path : `${path}/v2`, canResolve: capabilities.includes("resolve") };
  });
  const origin = reference.registry === "docker.io" ? "registry-1.docker.io" : reference.registry;
  hosts.push({ base: server ?? `https://${origin}`, path: "/v2", canResolve: true });
  return hosts.map(({ base, path, canResolve }) => {
    const { host: name } = goUrl(base);
    const isMirror = name !== reference.registry && name !== origin;
    const query = isMirror ? `?ns=${encodeURIComponent(reference.registry)}` : "";
    return `${canResolve ? "" : "pull: "}${shown(`${base}${path}${pathOf(reference)}${query}`, credentialFor(name))}`;
  });
}

const pathOf = ({ repository, tag }: Reference): string => `/${repository}/manifests/${tag}`;

function goUrl(text: string): { origin: string; host: string; path: string } {
  const [, scheme = "", host = "", path = ""] = /^(https?):\/\/([^/@]+)(\/.*)?$/.exec(text) ?? [];
  return { origin: `${scheme}://${host}`, host, path };
}

function configsIn(config: string) {
  const { plugins } = z.object({ plugins: z.record(z.string(), z.unknown()) }).parse(parse(config));
  const cri = z.object({ registry: z.object({ configs: authConfigs.default({}) }) });
  return cri.parse(plugins["io.containerd.cri.v1.images"]).registry.configs;
}

/** For pods: by the configuration of its CRI plugin. */
function requestsForPods(row: Row): string[] {
  const configs = configsIn(only(containerdConfig.render(settings(row), facts)).content);
  return requestsOf(row, (host) => {
    const auth = configs[host]?.auth;
    return auth === undefined ? undefined : loginOf({ registry: host, ...auth });
  });
}

/** For the host's own containers: by what is answered when it asks. */
function requestsForHost(row: Row): string[] {
  const registries = registriesSchema.parse(parseJson(only(hostRegistries.render(settings(row), facts)).content));
  return requestsOf(row, (host) => loginFor(host, registries));
}

/** `URL` leaves a default port out of what it shows, and Go does not. */
const withoutDefaultPort = (line: string): string => line.replace(/^https:\/\/([^/]+):443\//, "https://$1/");

test.each(rows)("images of pods and of the host's containers are asked for alike: $name", (row) => {
  const expected = row.requests.map(withoutDefaultPort);
  expect(requestsForPods(row).map(withoutDefaultPort)).toEqual(expected);
  expect(requestsForHost(row).map(withoutDefaultPort)).toEqual(expected);
});

test("hosts.toml, which everybody on the host may read, has no password", () => {
  const row = { name: "", image, requests: [], mirrors: mirrored("https://u:p%40ss@mirror.example.com") };
  const file = only(hostsFiles.render(settings(row), facts));
  expect(file.mode).toBe(0o644);
  expect(file.content).toContain('[host."https://mirror.example.com"]');
  expect(file.content).not.toMatch(/p%40ss|p@ss|u:/);
});
