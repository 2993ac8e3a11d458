/**
 * Kubernetes 1.20 from Debian 12's source package, which has all modules in its `vendor/`.
 *
 * The tarball is upstream's; what Debian changes in it concerns kubectl's output only. Source: its `debian/rules` and
 * `hack/lib/version.sh` for what the linker sets, `build/root/Makefile.generated_files` for the OpenAPI definitions.
 */
import { kubernetesPrograms, versionVariables } from "./kubernetes.ts";
import type { GoRecipe, SourceEdit } from "./recipe.ts";

const version = "1.20.2";

/**
 * Since Go 1.18, who iterates over a map brings the iterator's memory; the vendored reflect2 was written before, and its
 * iterators, which all JSON goes through, would write where nobody allowed them to. Source: Go's
 * src/runtime/linkname_swiss.go, of 1.24: key, element, type, iterator.
 */
const mapIteration: readonly SourceEdit[] = [
  {
    file: "vendor/github.com/modern-go/reflect2/unsafe_link.go",
    from: "func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer) *hiter",
    to: "func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer, it *hiter)",
  },
  {
    file: "vendor/github.com/modern-go/reflect2/unsafe_link.go",
    from: "\t// rest fields are ignored\n",
    to: "\trest  [2]unsafe.Pointer\n",
  },
  {
    file: "vendor/github.com/modern-go/reflect2/unsafe_map.go",
    from: `\treturn &UnsafeMapIterator{
\t\thiter:      mapiterinit(type2.rtype, *(*unsafe.Pointer)(obj)),`,
    to: `\tit := &hiter{}
\tmapiterinit(type2.rtype, *(*unsafe.Pointer)(obj), it)
\treturn &UnsafeMapIterator{
\t\thiter:      it,`,
  },
];

export const kubernetes120: GoRecipe = {
  kind: "go",
  name: "kubernetes-1.20",
  version,
  license: "Apache-2.0",
  purl: `pkg:golang/k8s.io/kubernetes@v${version}`,
  source: {
    kind: "debian-source",
    archive: "debian",
    path: "pool/main/k/kubernetes/kubernetes_1.20.5+really1.20.2.orig.tar.gz",
    sha256: "b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc",
    bytes: 34_428_927,
    edits: mapIteration,
  },
  importPath: "k8s.io/kubernetes",
  programs: kubernetesPrograms("kube-proxy"),
  variables: versionVariables(
    { modules: "k8s.io/kubernetes/vendor/k8s.io", minor: "1.20", version },
    // Of the release's commit, as `kubectl version` of upstream's own build prints it.
    { buildDate: "2021-01-13T13:20:00Z" },
  ),
  generate: {
    "kube-apiserver": {
      generator: "vendor/k8s.io/kube-openapi/cmd/openapi-gen",
      tag: "+k8s:openapi-gen=",
      within: ["pkg", "staging/src/k8s.io"],
      arguments: (packages) => [
        "--input-dirs",
        packages
          .map((path) => path.replace("/staging/src/", "/vendor/"))
          .filter((path) => !/\/vendor\/k8s\.io\/(?:code-generator|sample-apiserver)\//.test(path))
          .join(","),
        "--output-package",
        "k8s.io/kubernetes/pkg/generated/openapi",
        "--output-file-base",
        "zz_generated.openapi",
        "--go-header-file",
        "vendor/k8s.io/code-generator/hack/boilerplate.go.txt",
        "--report-filename",
        "openapi.report",
      ],
    },
  },
};
