import { expect, test } from "bun:test";
import { assert, constantFrom, domain, property, string, tuple, webUrl } from "fast-check";
import type { Json } from "../../lib/text/json.ts";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { testType } from "../../test/cases/type-cases.ts";
import { httpsUrl, httpUrl, proxyUrl, registryUrl } from "./url.ts";

const refuses = [
  "",
  " ",
  "https://",
  "http://a b",
  "https://exa\nmple.com",
  "ftp://example.com",
  "file:///etc",
  "http://x:99999",
  "x:99999",
  "//example.com",
  'http://"',
  5,
  null,
];

testType("httpsUrl", httpsUrl, {
  accepts: ["https://example.com", "http://10.0.0.1:8080/a?b=c", "https://user:pass@example.com/", "http://[fd00::1]/"],
  becomes: [
    ["example.com", "https://example.com"],
    ["10.0.0.1:6443", "https://10.0.0.1:6443"],
    ["localhost:6443", "https://localhost:6443"],
    ["[fd00::1]:6443", "https://[fd00::1]:6443"],
    ["example.com/a/b", "https://example.com/a/b"],
  ],
  refuses,
});
testType("registryUrl", registryUrl, {
  accepts: ["https://example.com", "http://example.com:5000", "http://10.0.0.1"],
  becomes: [
    ["registry.example.com:1234", "https://registry.example.com:1234"],
    [
      "123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/quay",
      "https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/quay",
    ],
    ["localhost.example.com", "https://localhost.example.com"],
    ["127.example.com", "https://127.example.com"],
    ["[fd00::1]:5000", "https://[fd00::1]:5000"],
    // As containerd has it: nobody has a certificate for this very host.
    ["localhost:5000", "http://localhost:5000"],
    ["127.0.0.53:5000/v2", "http://127.0.0.53:5000/v2"],
    ["[::1]:5000", "http://[::1]:5000"],
  ],
  refuses,
});
testType("httpUrl", httpUrl, {
  accepts: ["https://example.com", "http://127.0.0.1:8080/healthz"],
  becomes: [["127.0.0.1:8080/healthz", "http://127.0.0.1:8080/healthz"]],
  refuses,
});
testType("proxyUrl", proxyUrl, {
  accepts: ["", "http://proxy:3128", "socks5://proxy:1080"],
  becomes: [["1.2.3.4:8080", "http://1.2.3.4:8080"]],
  refuses: [" ", "ftp://proxy", "a b", null],
});

test.each([httpsUrl, registryUrl, httpUrl])(
  "every URL of the web is accepted, and whatever comes out is a URL that stays as it is ($words)",
  (type) => {
    const schema = type.schema();
    assert(
      property(webUrl({ validSchemes: ["http", "https"] }), (value) => schema.safeParse(value).success),
      {
        numRuns: 20,
      },
    );
    assert(
      property(string(), (value) => {
        const once = schema.safeParse(value);
        if (!once.success) return;
        expect(["http:", "https:"]).toContain(new URL(once.data).protocol);
        expect(schema.safeParse(once.data)).toEqual(once);
      }),
    );
  },
);

/** Settings that hold a URL, as a tree around one. */
const withUrl: readonly (readonly [string, (url: string) => Json, scheme: "http" | "https"])[] = [
  ["kubernetes.api-server", (url) => ({ kubernetes: { "api-server": url } }), "https"],
  [
    "container-registry.mirrors",
    (url) => ({ "container-registry": { mirrors: [{ registry: "a.example", endpoint: [url] }] } }),
    "https",
  ],
  [
    "container-registry.mirrors by name",
    (url) => ({ "container-registry": { mirrors: { "a.example": [url] } } }),
    "https",
  ],
  ["updates.metadata-base-url", (url) => ({ updates: { "metadata-base-url": url } }), "https"],
  ["updates.targets-base-url", (url) => ({ updates: { "targets-base-url": url } }), "https"],
  ["metrics.metrics-url", (url) => ({ metrics: { "metrics-url": url } }), "https"],
  ["updates.health.http-probes", (url) => ({ updates: { health: { "http-probes": [url] } } }), "http"],
  ["network.https-proxy", (url) => ({ network: { "https-proxy": url } }), "http"],
];

test.each(withUrl)("without a scheme, %s is what its users mean", (_, tree, scheme) => {
  const model = modelNamed("metal-k8s-1.35");
  assert(
    property(tuple(domain(), constantFrom("", ":8443", "/v2/quay", ":5000/a")), ([name, rest]) => {
      const parsed = model.parse(tree(`${name}${rest}`));
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      expect(JSON.stringify(parsed.value)).toContain(`"${scheme}://${name}${rest}"`);
    }),
    { numRuns: 30 },
  );
});

test("every URL among the settings of every variant is in the list above, or is ECS's", () => {
  const model = modelNamed("metal-k8s-1.35");
  const named = model.catalogue.filter(
    ({ type }) => type.includes("a URL such as") || type.includes("a proxy such as"),
  );
  const tested = withUrl.map(([name]) => `settings.${name.replace(" by name", "")}`);
  expect(named.map(({ key }) => key).filter((key) => !tested.includes(key))).toEqual([]);
  const ecs = modelNamed("aws-ecs-1").parse({ ecs: { "backend-host": "ecs.example.com" } });
  expect(ecs).toMatchObject({ value: { ecs: { "backend-host": "https://ecs.example.com" } } });
});
