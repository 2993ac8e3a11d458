/**
 * kube-bench, which many who audit clusters run on their nodes: tests do it on one of ours (`docs/reports.md`).
 *
 * What it checks is in YAML beside its source. Source: its `makefile` for what the linker sets.
 */
import { join } from "node:path";
import type { GoRecipe } from "./recipe.ts";

const version = "0.14.0";

export const kubeBench: GoRecipe = {
  kind: "go",
  name: "kube-bench",
  version,
  license: "Apache-2.0",
  purl: `pkg:golang/github.com/aquasecurity/kube-bench@v${version}`,
  source: { kind: "go-modules", directory: join(import.meta.dir, "kube-bench") },
  importPath: "github.com/aquasecurity/kube-bench",
  programs: { "kube-bench": "." },
  variables: { "github.com/aquasecurity/kube-bench/cmd.KubeBenchVersion": `v${version}` },
};
