/** Settings and facts for tests: those of a variant, with what a test sets. */
import type { Facts } from "../../../host/machine/facts.ts";
import type { Json } from "../../../lib/text/json.ts";
import { modelFor, type Settings } from "../../../settings/model/model.ts";
import { variantNamed } from "../../../variants/all.ts";

/** The settings of a variant when `tree` is set. */
export function settingsOf(tree: Json = {}, variant = "dev"): Settings {
  const model = modelFor(variantNamed(variant));
  const parsed = model.parse(tree);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join("\n"));
  return model.complete(parsed.value);
}

export function factsOf(variant = "dev", changes: Partial<Facts> = {}): Facts {
  return {
    variant: variantNamed(variant),
    arch: "x86_64",
    prettyName: "Orlop 0.1.0",
    versionId: "0.1.0",
    buildId: "00000000",
    processors: 2,
    memoryBytes: 4 * 1024 ** 3,
    certificates: "",
    network: undefined,
    ...changes,
  };
}
