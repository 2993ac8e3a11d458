import { expect, test } from "bun:test";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { proxyEnvironment } from "../files/proxy.ts";
import { isDirect } from "./no-proxy.ts";
import { requestThrough, routeIn, removeProxyVariables, withoutProxy } from "./outbound.ts";

const proxy = "http://proxy.example.com:3128";

/** Of a node whose API server has an IPv6 address. */
const settings = settingsOf(
  {
    network: { "https-proxy": proxy, "no-proxy": ["10.0.0.0/8", "[fd00:1::]/32", ".internal.example.com"] },
    kubernetes: { "api-server": "https://[fd00::1]:6443", "cluster-domain": "cluster.local" },
  },
  "metal-k8s-1.35",
);

test("what Go's programs read names IPv6 addresses and ranges without brackets, and the cluster's own", () => {
  const [file] = proxyEnvironment.render(settings, factsOf("metal-k8s-1.35"));
  const list = "10.0.0.0/8,fd00:1::/32,.internal.example.com,localhost,127.0.0.1,fd00::1,.svc,.cluster.local";
  expect(file).toMatchObject({ content: expect.stringContaining(`NO_PROXY=${list}\n`) });
});

test("the host's own fetches leave out the same, the cluster's own too", () => {
  const direct = [
    "https://[fd00::1]:6443/",
    "https://[fd00:1::5]/",
    "https://a.b.svc/",
    "https://a.b.svc.cluster.local/",
  ];
  expect(direct.filter((url) => !isDirect(new URL(url), withoutProxy(settings)))).toEqual([]);
  expect(isDirect(new URL("https://[fd00:2::5]/"), withoutProxy(settings))).toBe(false);
});

test("a process with variables of proxies fetches where its list says, not where the runtime's own rules do", async () => {
  using server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("directly") });
  using relay = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("by proxy") });
  const before = removeProxyVariables();
  try {
    // A name that Go takes for one that is reached by the proxy, and the runtime for one that is not.
    Object.assign(process.env, { http_proxy: relay.url.href, HTTPS_PROXY: relay.url.href, NO_PROXY: ".proxied.test" });
    const route = routeIn(removeProxyVariables(), undefined);
    expect(Object.keys(process.env).filter((name) => /_proxy$/i.test(name))).toEqual([]);
    const fetched = async (url: URL): Promise<string> => await (await fetch(url, requestThrough(route, url))).text();
    expect(await fetched(new URL("http://proxied.test/"))).toBe("by proxy");
    expect(await fetched(server.url)).toBe("directly");
  } finally {
    Object.assign(process.env, before);
  }
});
