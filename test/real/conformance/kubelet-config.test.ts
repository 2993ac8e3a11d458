/** Protects: kubelet 1.20 takes every setting, as `kubelet-accepts.ts` says. */
import { kubeletAccepts } from "./kubelet-accepts.ts";

kubeletAccepts("1.20", { "cloud-provider": ["aws", ""] });
