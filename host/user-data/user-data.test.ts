import { expect, test } from "bun:test";
import { describeProblem } from "../../settings/model/problem.ts";
import { modelFor } from "../../settings/model/model.ts";
import { variantNamed } from "../../variants/all.ts";
import type { Variant } from "../../variants/variant.ts";
import { imdsServer } from "../../test/worlds/host/imds.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { readUserData } from "./user-data.ts";

const { signal } = new AbortController();
const fwCfg = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.orlop.user-data/raw";
const variant: Variant = {
  ...variantNamed("dev"),
  userData: ["local-file", "fw-cfg", "ec2"],
  groups: [...variantNamed("dev").groups, "aws"],
};
const model = modelFor(variant);

async function read(host: TestSystem) {
  const { values, from, problems } = await readUserData({ system: host.system, variant, model }, signal);
  return { values: Object.fromEntries(values), from, problems: problems.map(describeProblem) };
}

test("a machine without user data has no settings and no problems", async () => {
  await using host = await testSystem();
  expect(await read(host)).toEqual({ values: {}, from: [], problems: [] });
});

test("places are read in order and the later one wins per setting: defaults, user data, fw_cfg, overrides", async () => {
  await using host = await testSystem();
  const document = (motd: string, more = ""): string => `[settings]\n${motd}\n${more}`;
  await host.write(
    "/local/user-data-defaults.toml",
    document('motd = "defaults"', '[settings.network]\nhostname = "a"'),
  );
  await host.write("/var/lib/orlop/user-data.toml", document('motd = "user data"', "[settings.updates]\nseed = 1"));
  await host.write(fwCfg, document('motd = "fw_cfg"', "[settings.updates]\nseed = 2"));
  await host.write("/local/user-data-overrides.toml", document('motd = "overrides"'));
  const { values, from } = await read(host);
  expect(values).toEqual({
    "settings.motd": "overrides",
    "settings.network.hostname": "a",
    "settings.updates.seed": 2,
  });
  expect(from).toEqual([
    "/local/user-data-defaults.toml",
    "/var/lib/orlop/user-data.toml",
    fwCfg,
    "/local/user-data-overrides.toml",
  ]);
});

test("of a wrong document nothing is applied, and every problem says where; the others are applied", async () => {
  await using host = await testSystem();
  await host.write("/var/lib/orlop/user-data.toml", '[settings]\nmotd = "good"\n');
  await host.write(
    fwCfg,
    '[settings]\nmotd = "never"\n\n[settings.kernel]\nlockdown = "Integrity"\nlockdwon = "none"\n',
  );
  const { values, problems } = await read(host);
  expect(values).toEqual({ "settings.motd": "good" });
  expect(problems).toHaveLength(2);
  expect(problems[0]).toStartWith(`line 5, column 12: ${fwCfg}: settings.kernel.lockdown must be one of none`);
  expect(problems[1]).toStartWith(`line 6, column 1: ${fwCfg}: settings.kernel.lockdwon`);
  expect(problems[1]).toContain("did you mean lockdown?");
});

test("bytes that are no text, and text that is no TOML, are problems too", async () => {
  await using host = await testSystem();
  await host.write("/var/lib/orlop/user-data.toml", "[settings\n");
  await host.write(fwCfg, "\u001f");
  const { values, problems } = await read(host);
  expect(values).toEqual({});
  expect(problems).toHaveLength(2);
  expect(problems[0]).toStartWith("line 1, column ");
});

test("a setting may need another one that stands in another document", async () => {
  await using host = await testSystem();
  await host.write("/var/lib/orlop/user-data.toml", "[settings.host-containers.admin]\nenabled = true\n");
  await host.write(
    "/local/user-data-overrides.toml",
    '[settings.host-containers.admin]\nsource = "example.com/admin"\n',
  );
  const { values, problems } = await read(host);
  expect(problems).toEqual([]);
  expect(values["settings.host-containers.admin.enabled"]).toBe(true);
});

test("a setting whose need nobody meets is the fault of the document that set it, with its place there", async () => {
  await using host = await testSystem();
  await host.write("/var/lib/orlop/user-data.toml", '[settings]\nmotd = "good"\n');
  await host.write(fwCfg, '[settings]\nmotd = "never"\n[settings.pki.tools]\ntrusted = true\n');
  const { values, from, problems } = await read(host);
  expect(values).toEqual({ "settings.motd": "good" });
  expect(from).toEqual(["/var/lib/orlop/user-data.toml"]);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toStartWith(`line 3, column `);
  expect(problems[0]).toContain("settings.pki.tools.data");
});

test("a place that cannot be read is a problem that names it, and the others are read", async () => {
  await using server = imdsServer({ disabled: true });
  await using host = await testSystem({ fetch: server.fetch });
  await host.write("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
  await host.write(fwCfg, '[settings]\nmotd = "good"\n');
  const { values, problems } = await read(host);
  expect(values).toEqual({ "settings.motd": "good" });
  expect(problems).toEqual(["EC2: cannot get a token from the metadata service: it answered 403"]);
});

test("the firmware says whether the machine is on EC2; elsewhere nobody is asked", async () => {
  await using server = imdsServer();
  await using host = await testSystem({ fetch: server.fetch });
  await host.write("/sys/class/dmi/id/sys_vendor", "QEMU\n");
  expect(await read(host)).toEqual({ values: {}, from: [], problems: [] });
  expect(server.requests).toEqual([]);
  await host.write("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
  server.answers.set("dynamic/instance-identity/document", '{"region": "eu-central-1"}');
  server.answers.set("user-data", Bun.gzipSync('[settings]\nmotd = "from EC2"\n'));
  const { values, problems } = await read(host);
  expect(problems).toEqual([]);
  expect(values).toEqual({ "settings.aws.region": "eu-central-1", "settings.motd": "from EC2" });
});
