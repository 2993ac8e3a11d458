import { expect, test } from "bun:test";
import { modelNamed } from "../../../test/worlds/host/models.ts";
import { testType } from "../../../test/cases/type-cases.ts";
import { chronyOptions } from "../../values/chrony-options.ts";

const model = modelNamed("dev");

function problems(ntp: string | number | object): string[] {
  const parsed = model.parse({ ntp: JSON.parse(JSON.stringify(ntp)) });
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message.replace("settings.ntp.", ""));
}

testType("chronyOptions", chronyOptions, {
  accepts: [
    [],
    ["prefer", "iburst", "minpoll 4", "maxpoll 4"],
    // As Bottlerocket's list is often written: the words of the line.
    ["minpoll", "1", "maxpoll", "2"],
    ["iburst minpoll -6 maxdelay 0.01", "key 12", "offset -1.5e-3", "extfield F323", "nts", "ntsport 4460"],
    ["xleave", "copy", "IBURST", "MinPoll 4", "maxsources 3", "version 3", "port 1123"],
  ],
  refuses: [
    ["iburst", "minpol 4"],
    ["minpoll"],
    ["minpoll", "iburst"],
    ["minpoll four"],
    ["maxpoll 4.5"],
    ["iburst 4"],
    ["extfield F000"],
    ["prefer; rm"],
    ["prefer\nserver 1.2.3.4"],
    ["#"],
    [""],
    "iburst",
    [4],
  ],
});

test("time servers may be named, as newer Bottlerocket has them, and stay so", () => {
  const servers = {
    "link-local": { address: "169.254.169.123", directive: "server", options: ["prefer", "iburst", "minpoll 4"] },
    public: { address: "time.example.com", directive: "pool", options: [] },
  };
  const ntp = { "time-servers": servers };
  expect(model.parse({ ntp })).toEqual({ ok: true, value: { ntp }, warnings: [] });
  expect(model.parse({ ntp: { "time-servers": { a: { address: "fd00::1" } } } })).toMatchObject({
    value: { ntp: { "time-servers": { a: { address: "fd00::1", directive: "server", options: [] } } } },
  });
  const leaves = model.leaves({ ntp });
  expect([...leaves.keys()]).toEqual(["settings.ntp.time-servers"]);
  expect(model.tree(leaves)).toEqual({ ntp });
  expect(model.typed("settings.ntp.time-servers", JSON.stringify(servers))).toMatchObject({ ok: true, value: servers });
});

test("mistakes in named servers are told where they are", () => {
  const server = { address: "time.example.com" };
  expect(
    problems({ "time-servers": { a: { ...server, directive: "peer" }, b: {}, c: { ...server, option: [] } } }),
  ).toEqual([
    'time-servers.a.directive must be one of server, pool, not "peer"',
    "time-servers.b.address is missing: it must be a host name or an IP address",
    'time-servers.c has no key "option", only address, directive, options',
  ]);
  expect(problems({ "time-servers": { a: { ...server, options: ["iburst", "minpol 4"] } } })).toEqual([
    'time-servers.a.options[1] must be an option of chrony.conf such as iburst or minpoll 4, not "minpol 4"',
  ]);
  expect(problems({ "time-servers": { "a b": server } })[0]).toStartWith("time-servers");
  expect(problems({ "time-servers": "time.example.com" })).toEqual([
    'time-servers must be a list of host names and IP addresses, a list of tables with address, directive and options, or a table of such tables by name, not "time.example.com"',
  ]);
});
