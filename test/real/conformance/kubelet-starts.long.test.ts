/**
 * Protects: kubelets of all minors start with what `userdata check` takes. Where they are not in the cache, they are
 * compiled.
 */
import { describe } from "bun:test";
import { kubernetesMinors } from "../../../variants/kubernetes.ts";
import { kubeletStarts } from "./kubelet-starts.ts";
import { staticPods } from "./static-pods.ts";

const limitMs = 2 * 60 * 60_000;

describe.each(kubernetesMinors.toReversed())("kubelet %s", (minor) => {
  // The oldest mostly waits.
  kubeletStarts(minor, { seed: 1, count: minor === "1.20" ? 1500 : 2500, limitMs });
  staticPods(minor, { seed: 1, count: 1000 });
});
