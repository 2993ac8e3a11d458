import { expect, test } from "bun:test";
import type { Json } from "../../lib/text/json.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { chronyConf } from "./chrony.ts";

function sources(ntp: Json): string[] {
  const [file] = chronyConf.render(settingsOf({ ntp }), factsOf());
  const content = file !== undefined && "content" in file ? file.content : "";
  return content.split("\n").filter((line) => /^(?:server|pool) /.test(line));
}

test("servers of a list are pools with the common options, tables are what they say", () => {
  expect(sources({ "time-servers": ["time.example.com"], options: ["iburst", "minpoll 4"] })).toEqual([
    "pool time.example.com iburst minpoll 4",
  ]);
  expect(sources({ "time-servers": [{ address: "10.0.0.3" }] })).toEqual(["server 10.0.0.3"]);
});

test("named servers have their own options, and only those", () => {
  const servers = {
    "link-local": { address: "169.254.169.123", options: ["prefer", "iburst", "minpoll 4", "maxpoll 4"] },
    public: { address: "time.example.com", directive: "pool" },
  };
  expect(sources({ "time-servers": servers, options: ["iburst"] })).toEqual([
    "server 169.254.169.123 prefer iburst minpoll 4 maxpoll 4",
    "pool time.example.com",
  ]);
});
