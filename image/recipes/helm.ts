/**
 * Helm, by which the chart of the fleet's operator is rendered and installed as its users do.
 *
 * Version 3.20 is made for the minor of the newest recipe of Kubernetes, and compiles with the same Go. Source: its
 * `Makefile` for what the linker sets.
 */
import { join } from "node:path";
import type { GoRecipe } from "./recipe.ts";

const version = "3.20.2";

/** Where it keeps which Kubernetes it takes a cluster for that it cannot ask. */
const minorPackages = ["helm.sh/helm/v3/pkg/lint/rules", "helm.sh/helm/v3/pkg/chartutil"];

export const helm: GoRecipe = {
  kind: "go",
  name: "helm",
  version,
  license: "Apache-2.0",
  purl: `pkg:golang/helm.sh/helm/v3@v${version}`,
  source: { kind: "go-modules", directory: join(import.meta.dir, "helm") },
  importPath: "helm.sh/helm/v3",
  programs: { helm: "cmd/helm" },
  variables: {
    "helm.sh/helm/v3/internal/version.version": `v${version}`,
    ...Object.fromEntries(
      minorPackages.flatMap((path) => [
        [`${path}.k8sVersionMajor`, "1"],
        [`${path}.k8sVersionMinor`, "35"],
      ]),
    ),
  },
};
