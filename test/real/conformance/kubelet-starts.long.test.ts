/**
 * Protects: kubelets of all minors start with what `userdata check` takes. Where they are not in the cache, they are
 * compiled.
 */
import { kubeletStarts } from "./kubelet-starts.ts";
import { staticPods } from "./static-pods.ts";

const limitMs = 2 * 60 * 60_000;

kubeletStarts("1.35", { seed: 1, count: 2500, limitMs });
kubeletStarts("1.20", { seed: 1, count: 1500, limitMs });
staticPods("1.35", { seed: 1, count: 1000 });
staticPods("1.20", { seed: 1, count: 1000 });
