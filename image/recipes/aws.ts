/** By which a node proves its AWS role to the cluster. */
import { join } from "node:path";
import type { GoRecipe } from "./recipe.ts";

export const awsIamAuthenticator: GoRecipe = {
  kind: "go",
  name: "aws-iam-authenticator",
  version: "0.6.13",
  license: "Apache-2.0",
  purl: "pkg:golang/sigs.k8s.io/aws-iam-authenticator@v0.6.13",
  source: { kind: "go-modules", directory: join(import.meta.dir, "aws-iam-authenticator") },
  importPath: "sigs.k8s.io/aws-iam-authenticator",
  programs: { "aws-iam-authenticator": "cmd/aws-iam-authenticator" },
  variables: { "sigs.k8s.io/aws-iam-authenticator/pkg.Version": "v0.6.13" },
};
