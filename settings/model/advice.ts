/**
 * What is accepted and is probably not what was meant: `userdata check` and user data tell it, and nothing is refused
 * for it.
 *
 * It is about what the host can do, not about what settings need from each other (`requirements.ts`).
 */
import { certificateAdvice } from "./certificate-advice.ts";
import type { Settings } from "../groups/group.ts";
import { kubeletAdvice } from "../groups/kubernetes/kubelet-requirements.ts";
import type { Problem } from "./problem.ts";
import { type Advice, unmetAt } from "./rule.ts";
import type { Selection } from "./selection.ts";
import type { SettingsTree } from "./tree.ts";

export const advice: readonly Advice[] = [
  {
    // Bottlerocket has images of its own for admin and control, so `enabled = true` is all that people write for them.
    name: "an enabled host container has an image",
    *check(settings) {
      for (const [name, { enabled, source }] of Object.entries(settings["host-containers"])) {
        if (enabled && source === undefined) {
          yield unmetAt(["host-containers", name, "source"], "is not set, so the container does not run");
        }
      }
    },
  },
  {
    name: "a node with an AWS role knows its region",
    *check({ kubernetes, aws }, _set, { platform }) {
      const isAsked = kubernetes?.["api-server"] !== undefined && kubernetes["authentication-mode"] === "aws";
      if (!isAsked || platform === "aws" || aws?.region !== undefined) return;
      yield unmetAt(
        ["aws", "region"],
        "is not set, and only on EC2 does a node find it: it gets no token for its cluster",
      );
    },
  },
  {
    name: "an EC2 instance names nodes on EC2",
    *check({ kubernetes }, _set, { platform }) {
      if (kubernetes?.["hostname-override-source"] === undefined || platform === "aws") return;
      yield unmetAt(
        ["kubernetes", "hostname-override-source"],
        "has no effect: only a node on EC2 is named by its instance",
      );
    },
  },
  {
    name: "a system extension has a repository to come from",
    *check({ extensions, updates }) {
      const isChosen = Object.values(extensions).some(({ enabled }) => enabled);
      if (!isChosen || updates["metadata-base-url"] !== undefined) return;
      yield unmetAt(
        ["updates", "metadata-base-url"],
        "is not set, and only an image built with --update-url knows where extensions are without it",
      );
    },
  },
  ...kubeletAdvice,
  ...certificateAdvice,
];

/** Every piece of advice that applies. */
export function advised(settings: Settings, set: SettingsTree, variant: Selection, now: Date | undefined): Problem[] {
  return advice.flatMap((rule) => [...rule.check(settings, set, variant, now)]);
}
