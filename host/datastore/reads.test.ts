import { expect, test } from "bun:test";
import { modelFor } from "../../settings/model/model.ts";
import { variantNamed } from "../../variants/all.ts";
import { readBy, recordReads } from "./reads.ts";

const model = modelFor(variantNamed("dev"));
const complete = model.complete({ kernel: { sysctl: { "net.ipv4.ip_forward": "1" } } });

test("what a function reads is noted, and nothing else", () => {
  const { settings, values } = recordReads(complete);
  expect(settings.kernel.lockdown).toBe("none");
  expect([...values.keys()]).toEqual(["settings.kernel.lockdown"]);
});

test("reading all names of a map notes the map, so that a new entry counts too", () => {
  const { settings, values } = recordReads(complete);
  expect(Object.entries(settings.kernel.sysctl)).toEqual([["net.ipv4.ip_forward", "1"]]);
  expect([...values.keys()]).toContain("settings.kernel.sysctl");
  expect([...values.keys()]).toContain('settings.kernel.sysctl."net.ipv4.ip_forward"');
});

test("a setting without a value is noted too: it may get one", () => {
  const { settings, values } = recordReads(complete);
  expect(settings.network.hostname).toBeUndefined();
  expect([...values.keys()]).toEqual(["settings.network.hostname"]);
});

test("what a function that fails had read is known with its values", () => {
  const read = readBy(complete, ({ kernel, network }) => {
    if (kernel.lockdown === "none") throw new Error("not locked");
    return network.hostname;
  });
  expect([...read]).toEqual([["settings.kernel.lockdown", "none"]]);
});
