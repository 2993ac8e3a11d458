import { expect, test } from "bun:test";
import { isDirect } from "../../machine/no-proxy.ts";
import { requestOf, urlOf, type UpdateMirror } from "./mirror.ts";

const mirror: UpdateMirror = {
  metadata: new URL("https://updates.example.com/metadata/dev/x86_64/"),
  targets: new URL("https://updates.example.com/targets/"),
  proxy: "http://proxy.example.com:3128",
  noProxy: [".internal.example.com", "10.0.0.0/8", "exact.example.org"],
  authorities: "PEM",
  query: { seed: "7" },
};

test("the proxy is used for all but what no-proxy lists and the machine itself", () => {
  const direct = ["a.internal.example.com", "10.1.2.3", "exact.example.org", "localhost", "127.0.0.1", "[::1]"];
  const at = (host: string): URL => new URL(`https://${host}/`);
  const proxied = ["updates.example.com", "11.0.0.1", "notexact.example.org", "internal.example.com.evil.org"];
  expect(direct.filter((host) => !isDirect(at(host), mirror.noProxy))).toEqual([]);
  expect(proxied.filter((host) => isDirect(at(host), mirror.noProxy))).toEqual([]);
  expect(isDirect(at("anything"), ["*"])).toBe(true);
  expect(requestOf(mirror, mirror.metadata)).toMatchObject({
    proxy: "http://proxy.example.com:3128",
    tls: { ca: "PEM" },
  });
  expect(requestOf(mirror, new URL("http://10.9.9.9/"))).not.toHaveProperty("proxy");
  expect(requestOf({ ...mirror, proxy: "" }, mirror.metadata)).not.toHaveProperty("proxy");
});

test("a name is put below the base, whether it ends in a slash or not, and the query after it", () => {
  expect(urlOf(mirror, mirror.targets, "a.zst").href).toBe("https://updates.example.com/targets/a.zst?seed=7");
  const bare = new URL("https://updates.example.com/targets?token=x");
  expect(urlOf(mirror, bare, "a.zst").href).toBe("https://updates.example.com/targets/a.zst?token=x&seed=7");
});
