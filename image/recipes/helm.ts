/** Helm, with which people install the chart of the fleet's operator: here to test the chart. */
import { join } from "node:path";
import type { GoRecipe } from "./recipe.ts";

export const helm: GoRecipe = {
  kind: "go",
  name: "helm",
  version: "3.19.4",
  license: "Apache-2.0",
  purl: "pkg:golang/helm.sh/helm/v3@v3.19.4",
  source: { kind: "go-modules", directory: join(import.meta.dir, "helm") },
  importPath: "helm.sh/helm/v3",
  programs: { helm: "cmd/helm" },
  variables: { "helm.sh/helm/v3/internal/version.version": "v3.19.4" },
};
