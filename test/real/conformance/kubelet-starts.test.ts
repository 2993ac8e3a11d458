/**
 * Protects: kubelet 1.20 starts with what `userdata check` takes; some settings and manifests. Thousands are in the
 * long test.
 */
import { kubeletStarts } from "./kubelet-starts.ts";
import { staticPods } from "./static-pods.ts";

kubeletStarts("1.20", { seed: 7, count: 24, limitMs: 600_000 });
staticPods("1.20", { seed: 7, count: 90 });
