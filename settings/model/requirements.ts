/**
 * What settings need from each other, in one list: `userdata check`, user data and commits all say the same.
 */
import { bootParameterProblems } from "../values/boot-parameters.ts";
import type { Settings } from "../groups/group.ts";
import { kubeletRules } from "../groups/kubernetes/kubelet-requirements.ts";
import { kubernetesRules } from "../groups/kubernetes/kubernetes-requirements.ts";
import type { Problem } from "./problem.ts";
import { missing, unmetAt, type Rule } from "./rule.ts";
import type { Selection } from "./selection.ts";
import type { SettingsTree } from "./tree.ts";

export const rules: readonly Rule[] = [
  {
    name: "a remote API knows whom to trust",
    *check({ api: { remote } }) {
      if (remote.enabled && Object.keys(remote["client-cas"]).length === 0) {
        yield missing(["api", "remote", "client-cas"], "settings.api.remote.enabled is true");
      }
    },
  },
  {
    name: "an authority that a role is bound to is there",
    *check({ api: { remote } }) {
      for (const [subject, name] of Object.entries(remote["role-cas"])) {
        if (Object.hasOwn(remote["client-cas"], name)) continue;
        yield unmetAt(["api", "remote", "role-cas", subject], `must be a name in client-cas, and ${name} is none`);
      }
    },
  },
  {
    name: "a bootstrap container that runs has an image",
    *check(settings) {
      for (const [name, { mode, source }] of Object.entries(settings["bootstrap-containers"])) {
        if (mode !== "off" && source === undefined) {
          yield missing(["bootstrap-containers", name, "source"], `mode is ${mode}`);
        }
      }
    },
  },
  {
    name: "a container that checks an update has an image",
    *check({ updates }) {
      for (const [name, { source }] of Object.entries(updates.health.containers)) {
        if (source === undefined)
          yield missing(["updates", "health", "containers", name, "source"], "the check is set");
      }
    },
  },
  {
    name: "bootstrap commands that run are there",
    *check(settings) {
      for (const [name, { mode, commands }] of Object.entries(settings["bootstrap-commands"])) {
        if (mode !== "off" && commands === undefined) {
          yield missing(["bootstrap-commands", name, "commands"], `mode is ${mode}`);
        }
      }
    },
  },
  {
    name: "a module that is loaded at boot is allowed",
    *check({ kernel }) {
      for (const [name, { allowed, autoload }] of Object.entries(kernel.modules)) {
        if (autoload && !allowed) {
          yield unmetAt(["kernel", "modules", name, "allowed"], "must be true because autoload is true");
        }
      }
    },
  },
  {
    name: "reports have somewhere to go",
    *check({ metrics }) {
      if (metrics["send-metrics"] && metrics["metrics-url"] === undefined) {
        yield missing(["metrics", "metrics-url"], "send-metrics is true");
      }
    },
  },
  {
    name: "a bundle of certificates has some",
    *check({ pki }) {
      for (const [name, { data, trusted }] of Object.entries(pki)) {
        if (trusted && data === undefined) yield missing(["pki", name, "data"], "trusted is true");
      }
    },
  },
  {
    name: "somebody gets the key that opens encrypted partitions without the TPM",
    *check({ storage }) {
      if (storage.encryption !== "none" && (storage["recovery-recipients"] ?? []).length === 0) {
        yield missing(["storage", "recovery-recipients"], `settings.storage.encryption is ${storage.encryption}`);
      }
    },
  },
  { name: "boot parameters can be handed to the kernel", check: ({ boot }) => bootParameterProblems(boot) },
  {
    name: "an update repository has metadata and targets",
    *check({ updates }) {
      const metadata = updates["metadata-base-url"];
      const targets = updates["targets-base-url"];
      if (metadata === undefined && targets !== undefined) {
        yield missing(["updates", "metadata-base-url"], "targets-base-url is set");
      }
      if (metadata !== undefined && targets === undefined) {
        yield missing(["updates", "targets-base-url"], "metadata-base-url is set");
      }
    },
  },
  {
    name: "a limit of a resource has both sides, the soft one within the hard one",
    *check(settings) {
      for (const [name, limit] of Object.entries(settings["oci-defaults"]["resource-limits"])) {
        const { "soft-limit": soft, "hard-limit": hard } = limit;
        const place = ["oci-defaults", "resource-limits", name];
        if (soft === undefined && hard !== undefined) yield missing([...place, "soft-limit"], "hard-limit is set");
        if (soft !== undefined && hard === undefined) yield missing([...place, "hard-limit"], "soft-limit is set");
        if (soft === undefined || hard === undefined || hard === "unlimited") continue;
        if (soft === "unlimited" || soft > hard) {
          yield unmetAt([...place, "soft-limit"], `must not be above hard-limit, which is ${hard}`);
        }
      }
    },
  },
  {
    name: "a signal to CloudFormation says for whom it is",
    *check({ cloudformation }) {
      if (cloudformation?.["should-signal"] !== true) return;
      for (const name of ["stack-name", "logical-resource-id"] as const) {
        if (cloudformation[name] === undefined) yield missing(["cloudformation", name], "should-signal is true");
      }
    },
  },
  ...kubernetesRules,
  ...kubeletRules,
];

/** Every rule that does not hold. */
export function unmet(settings: Settings, set: SettingsTree, variant: Selection): Problem[] {
  return rules.flatMap((rule) => [...rule.check(settings, set, variant)]);
}
