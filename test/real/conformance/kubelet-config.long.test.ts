/**
 * Protects: the kubelet of every minor since 1.34 takes every setting, as `kubelet-accepts.ts` says. Compiling one takes
 * both processors ten minutes.
 */
import { describe } from "bun:test";
import { isAtLeast } from "../../../settings/model/setting.ts";
import { kubernetesMinors } from "../../../variants/kubernetes.ts";
import { kubeletAccepts, type SettingPairs } from "./kubelet-accepts.ts";

const values: SettingPairs = {
  "cloud-provider": ["external", ""],
  "seccomp-default": [true, false],
  "single-process-oom-kill": [true, false],
  "ids-per-pod": [65_536, 131_072],
  "fail-cgroupv1": [true, false],
  "memory-manager-policy": ["Static", "None"],
  "memory-manager-reserved-memory": [
    { "0": { enabled: true, memory: "1079Mi" } },
    { "0": { enabled: true, memory: "1Gi", "hugepages-2Mi": "2Mi" } },
  ],
  "memory-throttling-factor": [0.5, 1],
  "memory-swap-behavior": ["NoSwap", "LimitedSwap"],
  "image-maximum-gc-age": ["0s", "24h"],
  "max-parallel-image-pulls": [1, 7],
  "container-log-max-workers": [1, 4],
  "container-log-monitor-interval": ["3s", "20s"],
  "shutdown-grace-period": ["30s", "1m"],
  "shutdown-grace-period-for-critical-pods": ["10s", "20s"],
  "cpu-manager-policy-options": [[], ["full-pcpus-only"]],
  "prefer-closest-numa-nodes": [true, false],
  "max-allowable-numa-nodes": [8, 16],
};

describe.each(kubernetesMinors.filter((minor) => isAtLeast(minor, "1.34")))("kubelet %s", (minor) => {
  kubeletAccepts(minor, values);
});
