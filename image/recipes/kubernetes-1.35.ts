/**
 * Kubernetes 1.35 from its Go modules.
 *
 * The newest minor that works with Debian 13's containerd 1.7; kubelet 1.36 needs version 2. Source: its
 * `hack/lib/version.sh` for what the linker sets.
 */
import { join } from "node:path";
import type { GoRecipe } from "./recipe.ts";

const version = "1.35.4";

/** Under modules, programs and what they tell the API about themselves have one version package each. */
const versionPackages = ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"];

const stamp: Readonly<Record<string, string>> = {
  gitVersion: `v${version}`,
  gitMajor: "1",
  gitMinor: "35",
  gitTreeState: "archive",
};

export const kubernetes135: GoRecipe = {
  kind: "go",
  name: "kubernetes-1.35",
  version,
  license: "Apache-2.0",
  purl: `pkg:golang/k8s.io/kubernetes@v${version}`,
  source: { kind: "go-modules", directory: join(import.meta.dir, "kubernetes-1.35") },
  importPath: "k8s.io/kubernetes",
  programs: {
    kubelet: "cmd/kubelet",
    kubectl: "cmd/kubectl",
    "kube-apiserver": "cmd/kube-apiserver",
    "kube-controller-manager": "cmd/kube-controller-manager",
    "kube-scheduler": "cmd/kube-scheduler",
  },
  variables: Object.fromEntries(
    versionPackages.flatMap((path) => Object.entries(stamp).map(([name, value]) => [`${path}.${name}`, value])),
  ),
};
