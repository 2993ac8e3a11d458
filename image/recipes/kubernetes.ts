/**
 * Minors of Kubernetes from their Go modules: each is a line here, with its `go.mod` and `go.sum` in folders of its own
 * and the hashes of its programs in `outputs/`. `docs/kubernetes.md` says when one is added, and when it goes.
 *
 * Source: Kubernetes' `hack/lib/version.sh` for what the linker sets.
 */
import { join } from "node:path";
import type { Minor } from "../../settings/model/setting.ts";
import type { GoRecipe } from "./recipe.ts";

type Release = {
  minor: Minor;
  /** The newest patch of Kubernetes itself. */
  version: string;
  /** The newest of the provider of the same minor, which gives kubelet credentials for AWS's registries. */
  ecrCredentialProvider: string;
};

const releases: readonly Release[] = [
  { minor: "1.34", version: "1.34.4", ecrCredentialProvider: "1.34.4" },
  { minor: "1.35", version: "1.35.4", ecrCredentialProvider: "1.35.3" },
  { minor: "1.37", version: "1.37.2", ecrCredentialProvider: "1.37.1" },
];

/** What every minor is made of, and `more` beside it. */
export const kubernetesPrograms = (...more: readonly string[]): GoRecipe["programs"] =>
  Object.fromEntries(
    ["kubelet", "kubectl", "kube-apiserver", "kube-controller-manager", ...more, "kube-scheduler"].map((name) => [
      name,
      `cmd/${name}`,
    ]),
  );

/**
 * Programs read their version from one package, what they tell the API about themselves comes from another.
 *
 * @param stamped.modules where modules of Kubernetes are imported from
 */
export function versionVariables(
  { modules, minor, version }: { modules: string; minor: Minor; version: string },
  more: Readonly<Record<string, string>> = {},
): GoRecipe["variables"] {
  const stamp = {
    gitVersion: `v${version}`,
    gitMajor: "1",
    gitMinor: minor.slice(2),
    gitTreeState: "archive",
    ...more,
  };
  return Object.fromEntries(
    ["component-base/version", "client-go/pkg/version"].flatMap((path) =>
      Object.entries(stamp).map(([name, value]) => [`${modules}/${path}.${name}`, value]),
    ),
  );
}

function kubernetes({ minor, version }: Release): GoRecipe {
  return {
    kind: "go",
    name: `kubernetes-${minor}`,
    version,
    license: "Apache-2.0",
    purl: `pkg:golang/k8s.io/kubernetes@v${version}`,
    source: { kind: "go-modules", directory: join(import.meta.dir, `kubernetes-${minor}`) },
    importPath: "k8s.io/kubernetes",
    programs: kubernetesPrograms(),
    variables: versionVariables({ modules: "k8s.io", minor, version }),
  };
}

function ecrCredentialProvider({ minor, ecrCredentialProvider: version }: Release): GoRecipe {
  return {
    kind: "go",
    name: `ecr-credential-provider-${minor}`,
    version,
    license: "Apache-2.0",
    purl: `pkg:golang/k8s.io/cloud-provider-aws@v${version}`,
    source: { kind: "go-modules", directory: join(import.meta.dir, `ecr-credential-provider-${minor}`) },
    importPath: "k8s.io/cloud-provider-aws",
    programs: { "ecr-credential-provider": "cmd/ecr-credential-provider" },
    variables: { "k8s.io/component-base/version.gitVersion": `v${version}`, "main.gitVersion": `v${version}` },
  };
}

export const kubernetesModules: readonly GoRecipe[] = releases.flatMap((release) => [
  kubernetes(release),
  ecrCredentialProvider(release),
]);
