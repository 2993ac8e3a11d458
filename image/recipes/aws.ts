/** Programs by which a node proves its AWS role: to the cluster, and to AWS's registries. */
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

export const ecrCredentialProvider: GoRecipe = {
  kind: "go",
  name: "ecr-credential-provider",
  version: "1.35.3",
  license: "Apache-2.0",
  purl: "pkg:golang/k8s.io/cloud-provider-aws@v1.35.3",
  source: { kind: "go-modules", directory: join(import.meta.dir, "ecr-credential-provider") },
  importPath: "k8s.io/cloud-provider-aws",
  programs: { "ecr-credential-provider": "cmd/ecr-credential-provider" },
  variables: { "k8s.io/component-base/version.gitVersion": "v1.35.3", "main.gitVersion": "v1.35.3" },
};
