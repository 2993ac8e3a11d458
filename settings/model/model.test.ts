import { describe, expect, test } from "bun:test";
import { array, assert, constantFrom, dictionary, property, record, string } from "fast-check";
import { awsModel, modelNamed } from "../../test/worlds/host/models.ts";
import type { Json } from "../../lib/text/json.ts";
import type { Parsed } from "./problem.ts";

const dev = modelNamed("dev");
const node = modelNamed("metal-k8s-1.20");

function problems(result: Parsed<unknown>): string[] {
  return result.ok
    ? []
    : result.problems.map(({ message, suggestion }) => `${message}${suggestion ? ` (${suggestion})` : ""}`);
}

describe("parse", () => {
  test("gives the canonical form, without tables that set nothing", () => {
    const tree: Json = {
      network: { "https-proxy": "1.2.3.4:8080" },
      kubernetes: { "cluster-dns-ip": "10.0.0.10", "node-taints": { a: "b:NoExecute" }, "node-labels": {} },
      "container-registry": { mirrors: { "docker.io": ["mirror.example.com"] } },
      "oci-defaults": { "resource-limits": { "max-processes": { "soft-limit": 5, "hard-limit": -1 } } },
      ntp: { "time-servers": [{ address: "10.0.0.1" }] },
      kernel: {},
    };
    expect(node.parse(tree)).toEqual({
      ok: true,
      warnings: [],
      value: {
        network: { "https-proxy": "http://1.2.3.4:8080" },
        kubernetes: { "cluster-dns-ip": ["10.0.0.10"], "node-taints": { a: ["b:NoExecute"] } },
        "container-registry": { mirrors: [{ registry: "docker.io", endpoint: ["https://mirror.example.com"] }] },
        "oci-defaults": { "resource-limits": { "max-processes": { "soft-limit": 5, "hard-limit": "unlimited" } } },
        ntp: { "time-servers": [{ address: "10.0.0.1", directive: "server", options: [] }] },
      },
    });
  });

  test.each<[Json, string[]]>([
    [
      { kernel: { lockdown: "integrty" } },
      ['settings.kernel.lockdown must be one of none, integrity, confidentiality, not "integrty" (integrity)'],
    ],
    [{ kernl: {} }, ["settings.kernl is no setting (kernel)"]],
    [{ kernel: { Lockdown: "none" } }, ["settings.kernel.Lockdown is no setting (lockdown)"]],
    [{ kernel: 3 }, ["settings.kernel must be a table of settings, not 3"]],
    [{ kernel: ["a"] }, ["settings.kernel must be a table of settings, not a list"]],
    [{ motd: null }, ["settings.motd must be text without control characters other than tab and newline, not null"]],
    [{ motd: {} }, ["settings.motd must be text without control characters other than tab and newline, not a table"]],
    [
      { "host-containers": { "a.b": { enabled: true } } },
      ['settings.host-containers."a.b" is badly named: "a.b" must be 1 to 76 letters, digits and hyphens'],
    ],
    [
      { "host-containers": { "": {} } },
      ['settings.host-containers."" is badly named: "" must be 1 to 76 letters, digits and hyphens'],
    ],
    [
      { ntp: { options: ["iburst", 3, "a\nb"] } },
      [
        "settings.ntp.options[1] must be an option of chrony.conf such as iburst or minpoll 4, not 3",
        'settings.ntp.options[2] must be an option of chrony.conf such as iburst or minpoll 4, not "a\\nb"',
      ],
    ],
    [
      { ntp: { "time-servers": ["ok", "Not OK"] } },
      ['settings.ntp.time-servers[1] must be a host name or an IP address, not "Not OK"'],
    ],
    [
      { ntp: { "time-servers": [{ address: "a", directve: "pool" }] } },
      ['settings.ntp.time-servers[0] has no key "directve", only address, directive, options'],
    ],
    [
      { ntp: { "time-servers": [{ directive: "pol" }] } },
      [
        "settings.ntp.time-servers[0].address is missing: it must be a host name or an IP address",
        'settings.ntp.time-servers[0].directive must be one of server, pool, not "pol" (pool)',
      ],
    ],
    [
      { motd: "x", kernel: { lockdown: 1, sysctl: { a: 1 } } },
      [
        "settings.kernel.lockdown must be one of none, integrity, confidentiality, not 1",
        "settings.kernel.sysctl.a must be one line of text without control characters, not 1",
      ],
    ],
  ])("refuses %j", (tree, expected) => {
    expect(problems(dev.parse(tree))).toEqual(expected);
  });

  test("does not print secrets", () => {
    const tree: Json = {
      kubernetes: { "bootstrap-token": "s3cr3t" },
      "container-registry": { credentials: [{ registry: "a b", username: "u", password: "s3cr3t" }] },
      "host-containers": { admin: { "user-data": "s3cr3t!" } },
    };
    expect(problems(node.parse(tree))).toHaveLength(3);
    expect(problems(node.parse(tree)).join()).not.toContain("s3cr3t");
  });

  test("cuts long values in messages", () => {
    expect(problems(dev.parse({ kernel: { lockdown: "x".repeat(10_000) } })).join().length).toBeLessThan(200);
  });

  test("warns about settings that have no effect", () => {
    expect(dev.parse({ "oci-hooks": { "log4j-hotpatch-enabled": true } })).toMatchObject({
      ok: true,
      warnings: [{ key: "settings.oci-hooks.log4j-hotpatch-enabled", message: expect.stringContaining("no effect") }],
    });
  });

  test("says what a setting of another variant is missing", () => {
    expect(problems(dev.parse({ kubernetes: { "max-pods": 3 } }))).toEqual([
      "settings.kubernetes does not exist in variant dev",
    ]);
    expect(problems(node.parse({ kubernetes: { "seccomp-default": true } }))).toEqual([
      "settings.kubernetes.seccomp-default needs Kubernetes 1.25 or newer; variant metal-k8s-1.20 has 1.20",
    ]);
    expect(awsModel("1.25").parse({ kubernetes: { "seccomp-default": true } })).toMatchObject({ ok: true });
  });

  test("a name like a property of every object is a name like others", () => {
    expect(problems(dev.parse(JSON.parse('{"__proto__": {}, "constructor": {}, "kernel": {"toString": 1}}')))).toEqual([
      "settings.__proto__ is no setting",
      "settings.constructor is no setting",
      "settings.kernel.toString is no setting",
    ]);
    const tree = JSON.parse('{"kernel": {"sysctl": {"__proto__": "1"}}}');
    const parsed = dev.parse(tree);
    expect(parsed.ok && [...dev.leaves(parsed.value)]).toEqual([["settings.kernel.sysctl.__proto__", "1"]]);
    expect(dev.complete(parsed.ok ? parsed.value : {}).kernel.sysctl).toHaveProperty(["__proto__"], "1");
  });
});

describe("complete", () => {
  test("prefers what is set to the variant's default to the setting's own", () => {
    expect(dev.complete({}).kernel.lockdown).toBe("none");
    expect(node.complete({}).kernel.lockdown).toBe("integrity");
    expect(dev.complete({ kernel: { lockdown: "confidentiality" } }).kernel.lockdown).toBe("confidentiality");
  });

  test("leaves out the groups that the variant lacks", () => {
    expect(dev.complete({}).kubernetes).toBeUndefined();
    expect(node.complete({}).kubernetes?.["cluster-domain"]).toBe("cluster.local");
  });

  test("fills in the entries of maps, and those that are always there", () => {
    const containers = dev.complete({ "host-containers": { mine: { source: "a" }, admin: { enabled: true } } })[
      "host-containers"
    ];
    expect(containers).toEqual({
      admin: { enabled: true, superpowered: true, api: "admin", source: "orlop.local/admin" },
      control: { enabled: false, superpowered: false, api: "admin", source: "orlop.local/control" },
      mine: { source: "a", enabled: false, superpowered: false, api: "admin" },
    });
  });

  test("does not depend on the order in which things were set", () => {
    const first = dev.complete({ kernel: { sysctl: { b: "1", a: "2" } }, motd: "x" });
    const second = dev.complete({ motd: "x", kernel: { sysctl: { a: "2", b: "1" } } });
    expect(JSON.stringify(first)).toBe(JSON.stringify(second));
  });
});

describe("leaves and tree", () => {
  test("keys are quoted where they must be, lists stay whole", () => {
    const tree = { kubernetes: { "node-labels": { "a.b/c": "d" }, "cluster-dns-ip": ["1.2.3.4"] }, motd: "x" };
    expect([...node.leaves(tree)]).toEqual([
      ['settings.kubernetes.node-labels."a.b/c"', "d"],
      ["settings.kubernetes.cluster-dns-ip", ["1.2.3.4"]],
      ["settings.motd", "x"],
    ]);
  });

  test("are the inverse of each other", () => {
    const trees = record(
      {
        motd: string(),
        kernel: record({ sysctl: dictionary(string({ minLength: 1 }), string(), { minKeys: 1 }) }),
        ntp: record({ options: array(string()) }, { requiredKeys: ["options"] }),
        "host-containers": dictionary(
          constantFrom("admin", "a-b", "9"),
          record({ enabled: constantFrom(true, false) }),
          { minKeys: 1 },
        ),
      },
      { requiredKeys: [] },
    );
    assert(
      property(trees, (tree) => {
        const parsed = dev.parse(tree);
        if (!parsed.ok) return;
        expect(dev.tree(dev.leaves(parsed.value))).toEqual(parsed.value);
      }),
    );
  });
});

test.each([
  ["settings", true],
  ["settings.motd", true],
  ["settings.kernel", true],
  ["settings.kernel.sysctl", true],
  ['settings.kernel.sysctl."net.ipv4.ip_forward"', true],
  ["settings.host-containers.anything.source", true],
  ["settings.host-containers.any_thing.source", false],
  ["settings.host-containers.anything.sources", false],
  ["settings.motd.x", false],
  ["settings.", false],
  ["motd", false],
  ["", false],
])("hasPrefix(%j) is %j", (key, expected) => {
  expect(dev.hasPrefix(key)).toBe(expected);
});

describe("typed", () => {
  test.each<[string, string, Json]>([
    ["settings.motd", "42", "42"],
    ["settings.motd", "true", "true"],
    ["settings.api.remote.port", "8443", 8443],
    ["settings.api.remote.enabled", "true", true],
    ["settings.kernel.sysctl.a", "1", "1"],
    ["settings.ntp.options", '["iburst", "minpoll 4"]', ["iburst", "minpoll 4"]],
    ["settings.ntp.options", "iburst", ["iburst"]],
    ["settings.ntp.time-servers", "10.0.0.1", ["10.0.0.1"]],
    ["settings.network.https-proxy", "", ""],
    ["settings.updates.seed", "7", 7],
    ["settings.kernel.hugepages.static.2Mi.count", "512", "512"],
  ])("%s=%s gives %j", (key, text, value) => {
    expect(dev.typed(key, text)).toEqual({ ok: true, value, warnings: [] });
  });

  test.each([
    [
      "settings.api.remote.port",
      "110.0",
      'settings.api.remote.port must be a whole number from 1 to 65535, not "110.0"',
    ],
    ["settings.api.remote.enabled", "yes", 'settings.api.remote.enabled must be true or false, not "yes"'],
    ["settings.api.remote.enabld", "yes", "settings.api.remote.enabld is no setting (enabled)"],
    ["settings.kernel", "x", 'settings.kernel must be a table of settings, not "x"'],
    [
      "settings.ntp.options",
      '["a", 3]',
      "settings.ntp.options[1] must be an option of chrony.conf such as iburst or minpoll 4, not 3",
    ],
    [
      "settings.ntp.options",
      '["a',
      'settings.ntp.options must be a list, each item an option of chrony.conf such as iburst or minpoll 4, not "[\\"a"',
    ],
    ["motd", "x", "motd is no setting (settings.motd)"],
    ["settings..a", "x", "settings..a is no setting"],
  ])("%s=%s is refused", (key, text, message) => {
    expect(problems(dev.typed(key, text))).toEqual([message]);
  });
});
