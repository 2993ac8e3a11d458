/** What a setting can carry is not shown to everybody, unless it is listed here with the reason why it may. */
import { expect, test } from "bun:test";
import { everyVariant, modelNamed } from "../../test/worlds/host/models.ts";
import { markedSettings } from "../../test/worlds/host/marked-settings.ts";
import { visibleAddress, visiblePart } from "./secrecy.ts";

const marker = "marker4711";

/** Free texts that hold no secret, by the catalogue's keys. */
const openTexts: Readonly<Record<string, string>> = {
  "settings.api.remote.role-cas.<common name>": "the name of an authority in client-cas",
  "settings.boot.init-parameters.<parameter>": "everybody on the machine reads /proc/cmdline",
  "settings.boot.kernel-parameters.<parameter>": "everybody on the machine reads /proc/cmdline",
  "settings.kernel.sysctl.<parameter>": "everybody on the machine reads /proc/sys",
  "settings.motd": "it is shown before anybody logs in",
  "settings.dns.search-list": "names of domains",
  "settings.network.hostname": "the host's name",
  "settings.network.hosts": "names of hosts",
  "settings.network.no-proxy": "names and addresses of hosts",
  "settings.network.disable-ipv6": "names of links",
  "settings.ntp.time-servers": "names of hosts",
  "settings.metrics.service-checks": "names of units",
  "settings.updates.health.units": "names of units",
  "settings.updates.health.containers.<name>.source": "the name of an image",
  "settings.host-containers.<name>.source": "the name of an image",
  "settings.bootstrap-containers.<name>.source": "the name of an image",
  "settings.aws.profile": "the name of a profile",
  "settings.aws.region": "the name of a region",
  "settings.cloudformation.stack-name": "a name that AWS shows",
  "settings.cloudformation.logical-resource-id": "a name that AWS shows",
  "settings.ecs.cluster": "the name of a cluster",
  "settings.ecs.logging-drivers": "names of drivers",
  "settings.ecs.instance-attributes.<attribute>": "everybody in the cluster reads it",
  "settings.kubernetes.allowed-unsafe-sysctls": "names of kernel parameters",
  "settings.kubernetes.cluster-name": "the name of a cluster",
  "settings.kubernetes.cluster-domain": "the name of a domain",
  "settings.kubernetes.provider-id": "everybody in the cluster reads it",
  "settings.kubernetes.hostname-override": "the node's name",
  "settings.kubernetes.node-labels.<label>": "everybody in the cluster reads it",
  "settings.kubernetes.node-taints.<key>": "everybody in the cluster reads it",
  "settings.kubernetes.pod-infra-container-image": "the name of an image",
  "settings.kubernetes.credential-providers.<program>.image-patterns": "names of images",
};

test("no setting of any variant shows to everybody what its type lets somebody hide in it", () => {
  const shown = new Set<string>();
  const carriers = new Set<string>();
  for (const { name } of everyVariant) {
    const model = modelNamed(name);
    for (const { key } of model.catalogue) {
      const { tree, keys, markers } = markedSettings(model, marker, (entry) => entry.key === key);
      for (const carrier of keys) carriers.add(carrier);
      for (const [leaf, value] of model.leaves(tree)) {
        const text = JSON.stringify(visiblePart(model.secrecy(leaf), value));
        if (markers.some((planted) => text.includes(planted))) shown.add(key);
      }
    }
  }
  expect([...shown].filter((key) => openTexts[key] === undefined)).toEqual([]);
  // Otherwise the list above says nothing any more.
  expect(Object.keys(openTexts).filter((key) => !shown.has(key))).toEqual([]);
  expect(carriers.size).toBeGreaterThan(Object.keys(openTexts).length + 15);
});

test.each([
  ["https://example.com/path", "https://example.com/path"],
  ["http://user:password@proxy.example.com:3128", "http://(secret)@proxy.example.com:3128"],
  ["user:password@proxy.example.com:3128", "(secret)@proxy.example.com:3128"],
  ["https://token@example.com", "https://(secret)@example.com"],
  ["https://a@b:c@example.com/d@e", "https://(secret)@example.com/d@e"],
  ["https://example.com/?token=a&b=c", "https://example.com/?(secret)"],
  ["https://example.com#a@b?c", "https://example.com#(secret)"],
  ["socks5://[::1]:1080/", "socks5://[::1]:1080/"],
  ["", ""],
])("of %s everybody sees %s", (address, visible) => {
  expect(visibleAddress(address)).toBe(visible);
});

test("a wrong value is told without what only administrators see of it", () => {
  const model = modelNamed("dev");
  const messages = (tree: Parameters<typeof model.parse>[0]): string => {
    const parsed = model.parse(tree);
    return parsed.ok ? "" : parsed.problems.map(({ message }) => message).join("\n");
  };
  const wrong = messages({ network: { "https-proxy": `ftp://user:${marker}@example.com` } });
  expect(wrong).toContain('not "ftp://(secret)@example.com"');
  expect(messages({ "host-containers": { admin: { command: [marker, 1] } } })).not.toContain(marker);
});
