import { expect, test } from "bun:test";
import { exits, testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { imdsServer } from "../../test/worlds/host/imds.ts";
import { variantNamed } from "../../variants/all.ts";
import { readEc2 } from "./ec2.ts";
import { firstUserDataFile, userDataFile } from "./local-file.ts";
import type { UserData } from "./source.ts";
import { readVmwareCdRom } from "./vmware-cd-rom.ts";
import { decode } from "./guestinfo-encoding.ts";
import { readVmwareGuestinfo } from "./vmware-guestinfo.ts";

const { signal } = new AbortController();
const [dev, aws] = [variantNamed("dev"), variantNamed("aws-dev")];

/** As a person would show it: where it is from, and what it says. */
function shown(documents: readonly UserData[]): unknown[] {
  return documents.map((piece) => [
    piece.from,
    "document" in piece ? Buffer.from(piece.document).toString() : "settings" in piece ? piece.settings : piece.problem,
  ]);
}

test("a file that is missing or empty holds no user data", async () => {
  await using host = await testSystem();
  await host.write("/empty.toml", "");
  await host.write("/user-data.toml", "[settings]");
  expect(await userDataFile("/none.toml")(host.system, signal, dev)).toEqual([]);
  expect(await userDataFile("/empty.toml")(host.system, signal, dev)).toEqual([]);
  const first = firstUserDataFile("/none.toml", "/empty.toml", "/user-data.toml");
  expect(shown(await first(host.system, signal, dev))).toEqual([["/user-data.toml", "[settings]"]]);
});

test("a file that is far too large is refused by its size", async () => {
  await using host = await testSystem();
  await host.write("/user-data.toml", "#".repeat(4 * 1024 * 1024 + 1));
  await expect(userDataFile("/user-data.toml")(host.system, signal, dev)).rejects.toThrow("it has 4194305 bytes");
});

const identity = JSON.stringify({ accountId: "123456789012", region: "eu-central-1", instanceType: "m5.large" });

test("EC2 gives the region, then the user data as it is, gzip included", async () => {
  await using server = imdsServer();
  await using host = await testSystem({ fetch: server.fetch });
  server.answers.set("dynamic/instance-identity/document", identity);
  expect(shown(await readEc2(host.system, signal, aws))).toEqual([
    ["EC2 instance identity document", { aws: { region: "eu-central-1" } }],
  ]);
  const packed = Bun.gzipSync("[settings]");
  server.answers.set("user-data", packed);
  const [, userData] = await readEc2(host.system, signal, aws);
  expect(userData).toEqual({ from: "EC2 user data", document: Buffer.from(packed) });
});

test("a variant without settings of AWS is not told the region", async () => {
  await using server = imdsServer();
  await using host = await testSystem({ fetch: server.fetch });
  server.answers.set("user-data", "[settings]");
  expect(shown(await readEc2(host.system, signal, dev))).toEqual([["EC2 user data", "[settings]"]]);
});

test.each([undefined, "", "{}", '{"region": ""}', "<html>no such thing</html>", new Uint8Array([0xff])])(
  "an identity document that is %j is a problem, and takes no user data with it",
  async (document) => {
    await using server = imdsServer();
    await using host = await testSystem({ fetch: server.fetch });
    if (document !== undefined) server.answers.set("dynamic/instance-identity/document", document);
    server.answers.set("user-data", "[settings]");
    expect(await readEc2(host.system, signal, aws)).toEqual([
      { from: "EC2 instance identity document", problem: expect.stringContaining("cannot ") },
      { from: "EC2 user data", document: Buffer.from("[settings]") },
    ]);
  },
);

async function machineWithCdRom(files: Record<string, string>): Promise<TestSystem> {
  const host = await testSystem();
  await host.write("/dev/cdrom", "");
  await host.write("/run/cdrom/.keep", "");
  host.programs.set("udevadm", (argv) => (argv[1] === "info" ? "ID_CDROM=1\nID_FS_TYPE=iso9660\n" : ""));
  host.programs.set("systemctl", async () => {
    for (const [name, text] of Object.entries(files)) await host.write(`/run/cdrom/${name}`, text);
    return "";
  });
  return host;
}

const ovf = (properties: string): string => `<?xml version="1.0" encoding="UTF-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1"
             xmlns:oe="http://schemas.dmtf.org/ovf/environment/1" oe:id="">
  <!-- <Property oe:key="user-data" oe:value="d3Jvbmc="/> -->
  <PropertySection>${properties}</PropertySection>
</Environment>`;
const property = (key: string, value: string): string => `<Property oe:key="${key}" oe:value="${value}"/>`;
const encoded = Buffer.from("[settings]").toString("base64");

test("a CD-ROM with a file user-data gives it as it is", async () => {
  await using host = await machineWithCdRom({ "user-data": "[settings]", README: "" });
  expect(shown(await readVmwareCdRom(host.system))).toEqual([["CD-ROM file user-data", "[settings]"]]);
  expect(host.ran.at(-1)).toBe("systemctl start run-cdrom.mount");
});

for (const name of ["ovf-env.xml", "OVF-ENV.XML", "ovf_env.xml", "OVF_ENV.XML"]) {
  test(`a CD-ROM with ${name} gives what its property user-data encodes`, async () => {
    await using host = await machineWithCdRom({
      [name]: ovf(property("hostname", "x") + property("user-data", encoded)),
    });
    expect(shown(await readVmwareCdRom(host.system))).toEqual([[`CD-ROM file ${name}`, "[settings]"]]);
  });
}

test("an OVF environment without user data gives none", async () => {
  for (const properties of ["", property("user-data", ""), property("other", encoded)]) {
    await using host = await machineWithCdRom({ "ovf-env.xml": ovf(properties) });
    expect(await readVmwareCdRom(host.system)).toEqual([]);
  }
});

const badOvf: [text: string, message: string][] = [
  [ovf(property("user-data", "%%%%")), "its property user-data is not base64"],
  [ovf("<Property"), "cannot read the OVF environment: line 5, column "],
  [ovf("&bomb;"), "column 25: undefined entity"],
];
for (const [text, message] of badOvf) {
  test(`a broken OVF environment is refused: ${message}`, async () => {
    await using host = await machineWithCdRom({ "ovf-env.xml": text });
    await expect(readVmwareCdRom(host.system)).rejects.toThrow(message);
  });
}

test("two files of user data on one CD-ROM are refused", async () => {
  await using host = await machineWithCdRom({ "user-data": "[settings]", "ovf-env.xml": ovf("") });
  await expect(readVmwareCdRom(host.system)).rejects.toThrow("it has user-data, ovf-env.xml, expected only one");
});

test("no drive, or a drive without a disc, means no user data", async () => {
  await using host = await testSystem();
  host.programs.set("udevadm", () => "ID_CDROM=1\n");
  expect(await readVmwareCdRom(host.system)).toEqual([]);
  await host.write("/dev/cdrom", "");
  expect(await readVmwareCdRom(host.system)).toEqual([]);
});

function guest(variables: Record<string, string>): (host: TestSystem) => void {
  return (host) => {
    host.programs.set("vmware-rpctool", (argv, limits) => {
      const name = argv[1]?.replace(/^info-get guestinfo\./, "") ?? "";
      const value = variables[name];
      return value === undefined ? exits(1, "No value found")(argv, limits) : `${value}\n`;
    });
  };
}

test("guestinfo is decoded as its encoding says", async () => {
  await using host = await testSystem();
  guest({ userdata: encoded, "userdata.encoding": "base64" })(host);
  expect(shown(await readVmwareGuestinfo(host.system))).toEqual([["VMware guestinfo.userdata", "[settings]"]]);
});

test("an encoding may have white space around it", async () => {
  await using host = await testSystem();
  guest({ userdata: encoded, "userdata.encoding": " base64\r\n" })(host);
  expect(shown(await readVmwareGuestinfo(host.system))).toEqual([["VMware guestinfo.userdata", "[settings]"]]);
});

test("guestinfo without an encoding is taken as it is, which is said", async () => {
  await using host = await testSystem();
  guest({ userdata: "[settings]\nmotd = 1\n" })(host);
  expect(shown(await readVmwareGuestinfo(host.system))).toEqual([
    ["VMware guestinfo.userdata", "[settings]\nmotd = 1\n"],
  ]);
  expect(host.logged).toEqual([
    "user-data: guestinfo.userdata.encoding is not set, taking guestinfo.userdata as it is",
  ]);
});

test("properties of an OVF that was deployed are user data, by guestinfo and by CD-ROM", async () => {
  const properties = property("guestinfo.userdata", encoded) + property("guestinfo.userdata.encoding", "base64");
  await using host = await testSystem();
  guest({ ovfEnv: ovf(properties) })(host);
  expect(shown(await readVmwareGuestinfo(host.system))).toEqual([["VMware guestinfo.ovfEnv", "[settings]"]]);
  await using withDrive = await machineWithCdRom({ "ovf-env.xml": ovf(properties) });
  expect(shown(await readVmwareCdRom(withDrive.system))).toEqual([["CD-ROM file ovf-env.xml", "[settings]"]]);
  guest({ ovfEnv: ovf(property("guestinfo.userdata", "") + property("guestinfo.userdata.encoding", "base64")) })(host);
  expect(await readVmwareGuestinfo(host.system)).toEqual([]);
});

test("no guestinfo is no user data, while a tool that fails otherwise is a failure", async () => {
  await using host = await testSystem();
  guest({})(host);
  expect(await readVmwareGuestinfo(host.system)).toEqual([]);
  host.programs.set("vmware-rpctool", exits(1, "Failed sending message to VMware."));
  await expect(readVmwareGuestinfo(host.system)).rejects.toThrow("Failed sending message");
});

test("every encoding that Bottlerocket takes is taken", () => {
  const plain = Buffer.from("[settings]");
  const packed = Buffer.from(Bun.gzipSync(plain));
  for (const name of ["base64", "b64", "B64"]) expect(decode(`${encoded}\n`, name)).toEqual(plain);
  for (const name of ["gzip+base64", "gz+b64"]) expect(decode(packed.toString("base64"), name)).toEqual(packed);
  expect(decode("[settings]", "Raw")).toEqual(plain);
});

test("a value that is not what its encoding says is refused", () => {
  expect(() => decode(encoded, "rot13")).toThrow('its encoding is "rot13", expected base64, b64');
  expect(() => decode("%", "b64")).toThrow("its encoding is base64, but its value is not");
  expect(() => decode(encoded, "gz+b64")).toThrow("its encoding is gz+b64, but it is not gzip");
});
