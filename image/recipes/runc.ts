/**
 * runc from its Go module: Debian 13's is 1.1, which cannot map the owners of mounted files, as pods with a user
 * namespace need.
 *
 * It sets namespaces up in C, before Go starts its threads, and filters system calls by libseccomp. Source: its
 * `Makefile`; `libpathrs` is left out, since Debian has no package of it.
 */
import { join } from "node:path";
import type { GoRecipe } from "./recipe.ts";

const version = "1.5.3";

export const runc: GoRecipe = {
  kind: "go",
  name: "runc",
  version,
  license: "Apache-2.0",
  purl: `pkg:golang/github.com/opencontainers/runc@v${version}`,
  source: { kind: "go-modules", directory: join(import.meta.dir, "runc") },
  importPath: "github.com/opencontainers/runc",
  programs: { runc: "." },
  cgo: true,
  tags: ["seccomp", "urfave_cli_no_docs"],
  variables: {},
};
