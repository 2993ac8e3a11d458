import { expect, test } from "bun:test";
import { parse } from "smol-toml";
import { withCluster, withRemoteAccess } from "./user-data.ts";

const access = { ca: "-----BEGIN CERTIFICATE-----\n", subject: "laptop" };
const remote = {
  enabled: true,
  "client-cas": { "orlop-up": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==" },
  roles: { laptop: "admin" },
};

test("without user data, the host lets the laptop in and nothing else is set", () => {
  expect(parse(withRemoteAccess("", access))).toEqual({ settings: { api: { remote } } });
});

test("the owner's text stays as it is, so that the host names the owner's lines", () => {
  const document = '# mine\n[settings]\nmotd = "hi"\n\n[settings.kernel.sysctl]\n"vm.max_map_count" = "262144"\n';
  const result = withRemoteAccess(document, access);
  expect(result.startsWith(document)).toBe(true);
  expect(parse(result)).toEqual({
    settings: { motd: "hi", kernel: { sysctl: { "vm.max_map_count": "262144" } }, api: { remote } },
  });
});

test("an owner who configures the remote API too keeps port, CAs and roles", () => {
  const document =
    "[settings.api.remote]\nenabled = false\nport = 9443\nclient-cas.team = 'QQ=='\nroles.watcher = 'read-only'\n";
  expect(parse(withRemoteAccess(document, access))).toEqual({
    settings: {
      api: {
        remote: {
          enabled: true,
          port: 9443,
          "client-cas": { team: "QQ==", ...remote["client-cas"] },
          roles: { watcher: "read-only", ...remote.roles },
        },
      },
    },
  });
});

test("a float that looks like an integer stays a float, for the host to refuse", () => {
  const inline = "settings = { api = { remote = {} }, kubernetes = { max-pods = 110.0 } }";
  expect(withRemoteAccess(inline, access)).toContain("max-pods = 110.0");
});

test("JSON stays JSON", () => {
  expect(JSON.parse(withRemoteAccess('{"settings": {"motd": "hi"}}', access))).toEqual({
    settings: { motd: "hi", api: { remote } },
  });
});

test("what is no TOML is refused with its place", () => {
  expect(() => withRemoteAccess('[settings]\nmotd = "hi', access)).toThrow(/^cannot read the user data at 2:\d+: /);
});

test("a value where a table is needed is refused with its key", () => {
  expect(() => withRemoteAccess('settings.api = "on"', access)).toThrow("settings.api is not a table");
  expect(() => withRemoteAccess('{"settings": []}', access)).toThrow("settings is not a table");
});

test("a node is told its cluster, below what its owner says, who goes before", () => {
  const joining = { "api-server": "https://10.0.2.2:6443", "cloud-provider": "" };
  const document = '[settings]\nmotd = "hi"\n';
  expect(withCluster(document, joining)).toStartWith(document);
  expect(parse(withCluster(document, joining))).toEqual({ settings: { motd: "hi", kubernetes: joining } });
  const owners = '[settings.kubernetes]\napi-server = "https://mine"\nmax-pods = 5\n';
  expect(parse(withCluster(owners, joining))).toEqual({
    settings: { kubernetes: { ...joining, "api-server": "https://mine", "max-pods": 5 } },
  });
});
