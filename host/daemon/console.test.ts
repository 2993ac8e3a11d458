import { expect, test } from "bun:test";
import { factsOf } from "../../test/worlds/host/settings.ts";
import { newBootStatus } from "./boot.ts";
import { consoleReport } from "./console.ts";

const link = (address: string, internal = false) =>
  ({ address, internal, family: "IPv4", netmask: "", mac: "", cidr: null }) as const;
const quiet = { facts: factsOf(), hostname: "node-1", interfaces: {}, fingerprint: undefined, boot: newBootStatus() };

test("a host says what it is and where it is to be found", () => {
  const interfaces = { lo: [link("127.0.0.1", true)], eth0: [link("10.0.2.15"), link("fe80::1")] };
  expect(consoleReport({ ...quiet, interfaces, fingerprint: "AA:BB" })).toBe(
    "Orlop 0.1.0, variant dev, build 00000000\nhost node-1, 10.0.2.15\nremote API: certificate SHA-256 AA:BB",
  );
  expect(consoleReport({ ...quiet, hostname: undefined })).toContain("host without a name, no address");
});

test("problems of user data stand with their place, as many as there is room for", () => {
  const boot = newBootStatus();
  boot.userData.problems = Array.from({ length: 12 }, (_, at) => ({
    key: "k",
    message: `bad \u001b[2J${at}`,
    line: at,
  }));
  boot.steps[0] = {
    step: "read user data",
    state: "failed",
    failure: { code: "bad-user-data", message: "all of them" },
  };
  const lines = consoleReport({ ...quiet, boot }).split("\n");
  expect(lines[2]).toBe("user data: line 0: bad  [2J0");
  expect(lines.slice(11)).toEqual(["user data: line 9: bad  [2J9", "user data: 2 more problems"]);
});

test("a step that failed is told with its reason", () => {
  const boot = newBootStatus();
  boot.steps[2] = {
    step: "apply settings",
    state: "failed",
    failure: { code: "disk-full", message: "cannot restart it" },
  };
  expect(consoleReport({ ...quiet, boot })).toEndWith("cannot apply settings: cannot restart it");
});
