import { expect, test } from "bun:test";
import { modelFor } from "../../settings/model/model.ts";
import { variantNamed } from "../../variants/all.ts";
import { matching, meant, rowsOf } from "./settings-search.ts";

const { catalogue } = modelFor(variantNamed("dev"));
const settings = {
  motd: "ahoy",
  kernel: { lockdown: "none", sysctl: { "net.core.somaxconn": "4096" } },
  "host-containers": { admin: { enabled: true }, control: { enabled: false } },
};
const rows = rowsOf(catalogue, settings);

test("each setting has a row with its value, and each name that somebody chose its own", () => {
  const value = (key: string): unknown => rows.find((row) => row.key === key)?.value;
  expect(value("motd")).toBe("ahoy");
  expect(value('kernel.sysctl."net.core.somaxconn"')).toBe("4096");
  expect(value("host-containers.admin.enabled")).toBe(true);
  expect(value("host-containers.control.enabled")).toBe(false);
  expect(rows.some(({ key }) => key.startsWith("host-containers.<"))).toBe(true);
});

test("settings are found by key, meaning and value, those with it in their key first", () => {
  expect(matching(rows, "motd")[0]?.key).toBe("motd");
  expect(matching(rows, "settings.motd")[0]?.key).toBe("motd");
  expect(matching(rows, "ahoy").map(({ key }) => key)).toEqual(["motd"]);
  expect(matching(rows, "kernel lock")[0]?.key).toBe("kernel.lockdown");
  expect(matching(rows, "")).toHaveLength(rows.length);
});

test("of a name that is misspelt the right one is offered, and nothing for what is near to none", () => {
  expect(meant(rows, "kernel.lockdwn")).toBe("kernel.lockdown");
  expect(meant(rows, "lockdwn")).toBe("kernel.lockdown");
  expect(meant(rows, "settings.motdd")).toBe("motd");
  expect(meant(rows, "qqqqqqqqqq")).toBeUndefined();
});
