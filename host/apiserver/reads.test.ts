import { expect, test } from "bun:test";
import { modelFor } from "../../settings/model.ts";
import { variantNamed } from "../../variants/all.ts";
import { recordReads } from "./reads.ts";

const model = modelFor(variantNamed("dev"));
const complete = model.complete({ kernel: { sysctl: { "net.ipv4.ip_forward": "1" } } });

test("what a function reads is noted, and nothing else", () => {
  const { settings, keys } = recordReads(complete);
  expect(settings.kernel.lockdown).toBe("none");
  expect([...keys]).toEqual(["settings.kernel.lockdown"]);
});

test("reading all names of a map notes the map, so that a new entry counts too", () => {
  const { settings, keys } = recordReads(complete);
  expect(Object.entries(settings.kernel.sysctl)).toEqual([["net.ipv4.ip_forward", "1"]]);
  expect(keys).toContain("settings.kernel.sysctl");
  expect(keys).toContain('settings.kernel.sysctl."net.ipv4.ip_forward"');
});

test("a setting without a value is noted too: it may get one", () => {
  const { settings, keys } = recordReads(complete);
  expect(settings.network.hostname).toBeUndefined();
  expect([...keys]).toEqual(["settings.network.hostname"]);
});
