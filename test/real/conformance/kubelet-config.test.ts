/** Protects: kubelet 1.20 takes every setting, as `kubelet-takes.ts` says. */
import { kubeletTakes } from "./kubelet-takes.ts";

kubeletTakes("1.20", { "cloud-provider": ["aws", ""] });
