/** Protects: a host is of the variant that its image says, also when only that image knows it. */
import { expect, test } from "bun:test";
import { modelFor } from "../../settings/model/model.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { variantNamed } from "../../variants/all.ts";
import { updateDefaults, withDefaults } from "../../variants/defaults.ts";
import { formatVariantRecord, variantRecordPath } from "../../variants/variant-record.ts";
import { readFacts } from "./facts.ts";

async function imageOf(host: TestSystem, variant: string): Promise<void> {
  const lines = [`VARIANT_ID=${variant}`, 'PRETTY_NAME="Orlop"', "VERSION_ID=0.1.0", "BUILD_ID=dafe3b16", ""];
  await host.write("/usr/lib/os-release", lines.join("\n"));
}

test("an image of a variant of the table names it, and one of its own describes it", async () => {
  await using host = await testSystem();
  await imageOf(host, "dev");
  expect((await readFacts(host.system)).variant).toBe(variantNamed("dev"));

  const own = { ...withDefaults(variantNamed("metal-dev"), { motd: "Acme" }), name: "acme" };
  const offered = withDefaults(own, updateDefaults("https://updates.example.com", own, "x86_64"));
  await imageOf(host, "acme");
  await expect(readFacts(host.system)).rejects.toThrow("cannot use variant");
  await host.write(`/${variantRecordPath}`, formatVariantRecord(offered));
  const { variant } = await readFacts(host.system);
  expect(variant.name).toBe("acme");
  expect(modelFor(variant).complete({})).toMatchObject({
    motd: "Acme",
    updates: { "metadata-base-url": "https://updates.example.com/metadata/acme/x86_64/" },
  });
});

test("a description that is damaged is told as that", async () => {
  await using host = await testSystem();
  await imageOf(host, "acme");
  await host.write(`/${variantRecordPath}`, "{");
  await expect(readFacts(host.system)).rejects.toMatchObject({ code: "damaged-record" });
});
