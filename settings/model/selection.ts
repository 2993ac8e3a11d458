/** What of a variant decides which settings there are and what they need from each other. */
import type { DefaultsOf, Group } from "../groups/group.ts";
import type { Minor } from "./setting.ts";

export type Selection = {
  name: string;
  /** Where it runs, as in `variants/variant.ts`. */
  platform: string;
  groups: readonly Group[];
  defaults: DefaultsOf;
  orchestrator: { kind: string; minor?: Minor };
  /** Programs that are not from packages, by their path in the root. */
  programs: Readonly<Record<string, string>>;
};

/** Where kubelet looks for programs that know credentials of registries; as on Bottlerocket. */
export const credentialProviders = "usr/libexec/kubernetes/kubelet-plugins/credential-provider/exec";

/** By which a node shows its cluster that it has an AWS role. */
export const iamAuthenticator = "usr/bin/aws-iam-authenticator";
