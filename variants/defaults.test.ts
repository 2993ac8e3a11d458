import { expect, test } from "bun:test";
import { modelFor } from "../settings/model/model.ts";
import { variants, variantNamed } from "./all.ts";
import { updateDefaults, withDefaults } from "./defaults.ts";
import { formatVariantRecord, variantRecord } from "./variant-record.ts";
import { parseJson } from "../lib/text/json.ts";

test("an image's own repository is a default, beside those of its variant", () => {
  const dev = variantNamed("dev");
  const own = withDefaults(dev, updateDefaults("https://updates.example.com/orlop/", dev, "x86_64"));
  const settings = modelFor(own).complete({});
  expect(settings.updates).toMatchObject({
    "metadata-base-url": "https://updates.example.com/orlop/metadata/dev/x86_64/",
    "targets-base-url": "https://updates.example.com/orlop/targets/",
  });
  expect(settings.kernel.lockdown).toBe("none");
  expect(
    modelFor(own).complete({ updates: { "metadata-base-url": "https://a.example/" } }).updates["metadata-base-url"],
  ).toBe("https://a.example/");
});

test("tables of defaults are joined, and lists replaced", () => {
  const dev = variantNamed("dev");
  const { defaults } = withDefaults(dev, {
    kernel: { sysctl: { "vm.swappiness": "1" } },
    "container-registry": { mirrors: [] },
  });
  expect(defaults.kernel).toEqual({ lockdown: "none", sysctl: { "vm.swappiness": "1" } });
  expect(defaults["container-registry"]).toEqual({ mirrors: [] });
});

test.each([...variants.values()].filter(({ lacks }) => lacks === undefined))(
  "$name is the same after it was recorded",
  (variant) => {
    expect(variantRecord.parse(parseJson(formatVariantRecord(variant)))).toMatchObject({ ...variant });
  },
);

test("a record that is damaged is no variant", () => {
  const record = formatVariantRecord(variantNamed("dev"));
  for (const [from, to] of [
    ['"qemu"', '"moon"'],
    ['"groups"', '"gruppen"'],
    ['"api"', '"unknown-group"'],
  ] as const) {
    expect(variantRecord.safeParse(parseJson(record.replace(from, to))).success).toBe(false);
  }
});
