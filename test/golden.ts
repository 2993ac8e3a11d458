/**
 * Every rendered file of every variant, with default and with all-set settings, as text that stands in the tree: whoever
 * changes what a host writes sees it in the diff. `./orlop generate` writes them.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Facts } from "../host/machine/facts.ts";
import { configuration } from "../host/files/all.ts";
import type { RenderedFile } from "../host/files/config-file.ts";
import { isWrittenObject, type Written } from "../lib/text/literal.ts";
import { readToml } from "../lib/text/toml.ts";
import { describeProblem } from "../settings/model/problem.ts";
import { modelFor, type Settings } from "../settings/model/model.ts";
import { variants } from "../variants/all.ts";
import type { Variant } from "../variants/variant.ts";
import { factsOf } from "./worlds/host/settings.ts";

const directory = join(import.meta.dir, "golden");
const text = (name: string): string => readFileSync(join(directory, name), "utf8");

export const cases = ["default", "all-set"] as const;
export type Case = (typeof cases)[number];

/** Content by path in the repository. */
export const goldenFiles: Readonly<Record<string, () => string>> = Object.fromEntries(
  [...variants.values()].flatMap((variant) =>
    cases.map((testCase) => [
      `test/golden/${variant.name}-${testCase}.golden`,
      () => shown(rendered(variant, testCase)),
    ]),
  ),
);

export function rendered(variant: Variant, testCase: Case): RenderedFile[] {
  const settings = settingsFor(variant, testCase);
  return configuration.flatMap((group) => group.render(settings, factsFor(variant, testCase)));
}

function settingsFor(variant: Variant, testCase: Case): Settings {
  const model = modelFor(variant);
  if (testCase === "default") return model.complete({});
  const groups: readonly string[] = variant.groups;
  const own = Object.entries(writtenSettings("all-set.toml")).filter(([name]) => groups.includes(name));
  const { value, problems } = model.read({ ...Object.fromEntries<Written>(own), ...furtherSettings(variant, own) });
  if (problems.length > 0) throw new Error(problems.map(({ problem }) => describeProblem(problem)).join("\n"));
  return model.complete(value);
}

/** Settings that Kubernetes has from 1.34 on at the latest, beside those of all minors. */
function furtherSettings({ orchestrator }: Variant, own: readonly [string, Written][]): { [group: string]: Written } {
  if (orchestrator.kind !== "kubernetes" || orchestrator.minor === "1.20") return {};
  const { kubernetes: common } = Object.fromEntries<Written>(own);
  const further = writtenSettings("all-set-kubernetes-1.34.toml")["kubernetes"];
  if (!isWrittenObject(common) || !isWrittenObject(further)) throw new Error("expected tables");
  return { kubernetes: { ...common, ...further } };
}

function writtenSettings(name: string): { [group: string]: Written } {
  const document = readToml(text(name));
  if (!document.ok) throw new Error(document.error.message);
  const all = isWrittenObject(document.value) ? document.value["settings"] : undefined;
  return isWrittenObject(all) ? all : {};
}

function factsFor(variant: Variant, testCase: Case): Facts {
  const network = testCase === "default" ? undefined : { from: "/var/lib/orlop/net.toml", text: text("net.toml") };
  return factsOf(variant.name, { certificates: text("image-certificates.pem"), network });
}

function shown(files: readonly RenderedFile[]): string {
  return files
    .map((file) =>
      "linkTo" in file
        ? `=== ${file.path} -> ${file.linkTo}\n`
        : `=== ${file.path} ${file.mode.toString(8).padStart(4, "0")}\n${file.content}`,
    )
    .join("\n");
}
