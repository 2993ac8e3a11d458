import { expect, test } from "bun:test";
import { isIP } from "node:net";
import { assert, domain, ipV4, ipV6, oneof, property, string } from "fast-check";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { testType } from "../../test/cases/type-cases.ts";
import { dnsDomain, host, hostname, interfaceName, ipAddress, ownName, shortened } from "./network-names.ts";

const label63 = "a".repeat(63);

testType("hostname", hostname, {
  accepts: ["a", "worker-1", "0", "a.b.c", "ip-10-0-0-1.us-west-2.compute.internal", "x-", label63, `${label63}.b`],
  refuses: ["", "-a", ".a", "a.", "a..b", "a.-b", "A", "a_b", "a b", `${label63}a`, `${"a.".repeat(126)}aa`, "é", 1],
});
testType("ownName", ownName, {
  accepts: ["a", "worker-1", "ip-10-0-0-1.us-west-2.compute.internal", label63, `${"a".repeat(31)}.${"b".repeat(31)}`],
  refuses: ["", "a.", "a..b", "A", "a_b", `${label63}.b`, `${"a".repeat(31)}.${"b".repeat(32)}`, 1],
});
testType("ipAddress", ipAddress, {
  accepts: ["0.0.0.0", "255.255.255.255", "::", "::1", "fd00::a", "2001:db8::1:2"],
  refuses: ["", "256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4/8", "fd00::1%eth0", ":::", "12345::", "localhost", 1],
});
testType("host", host, {
  accepts: ["169.254.169.123", "2.pool.example.com", "fd00::1"],
  refuses: ["http://time.example.com", "time.example.com:123", "", "Time.example.com"],
});
testType("dnsDomain", dnsDomain, {
  accepts: ["cluster.local", "local", "example.com.", "_x.example.com", "Example.com"],
  refuses: ["", ".", ".local", "a..b", "10.0.0.1", "a b", "-a", "http://a"],
});
testType("interfaceName", interfaceName, {
  accepts: ["eth0", "enp0s31f6", "bond0.100", "wl@n"],
  refuses: ["", "a/b", "a:b", "a b", ".", "..", "x".repeat(16), "é"],
});

test("ipAddress agrees with the operating system's parser, but for zones and IPv4 inside IPv6", () => {
  const schema = ipAddress.schema();
  assert(
    property(oneof(ipV4(), ipV6(), string({ maxLength: 20 })), (value) => {
      if (/[%]|:.*\./.test(value)) return;
      expect(schema.safeParse(value).success).toBe(isIP(value) !== 0);
    }),
  );
});

test("domains are host names once they are in lower case", () => {
  assert(property(domain(), (value) => hostname.schema().safeParse(value.toLowerCase()).success));
});

test("a name that is too long for the kernel is refused with the one that would do", () => {
  const name = "node-with-a-long-name-in-zone-europe-west1-b.c.project-with-a-long-name.internal";
  const parsed = modelNamed("dev").parse({ network: { hostname: name, hosts: [["10.0.0.5", [name]]] } });
  expect(parsed.ok ? [] : parsed.problems.map(({ message }) => message)).toEqual([
    `settings.network.hostname must have at most 63 characters, since Linux and Kubernetes hold no longer name (node-with-a-long-name-in-zone-europe-west1-b would do), not ${JSON.stringify(`${name.slice(0, 57)}...`)}`,
  ]);
});

test("a long name is cut at its first dot, as systemd does, and then fits", () => {
  expect(shortened("a.example.com")).toBe("a.example.com");
  expect(shortened(`${label63}.example.com`)).toBe(label63);
  assert(
    property(domain(), (value) => {
      const name = shortened(value.toLowerCase());
      return ownName.schema().safeParse(name).success && value.toLowerCase().startsWith(name);
    }),
  );
});
