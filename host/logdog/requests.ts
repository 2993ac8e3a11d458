/** What a support archive holds: the outputs of programs and the contents of files, by the name they get in it. */
import type { Orchestrator } from "../../variants/variant.ts";
import { crashMessagesPath } from "../kdump/kept.ts";
import type { Argv } from "../../lib/program/process.ts";

/** `lines`: of the output, those that match. */
export type LogRequest = { name: string } & ({ run: Argv; lines?: RegExp } | { file: string });

const journal = ["journalctl", "--no-pager", "--all"] as const;
/** Of the newest lines; some tens of megabytes. */
const journalLines = "200000";

const common: readonly LogRequest[] = [
  { name: "os-release", file: "/usr/lib/os-release" },
  { name: "kernel-command-line", file: "/proc/cmdline" },
  { name: "meminfo", file: "/proc/meminfo" },
  { name: "pressure-memory", file: "/proc/pressure/memory" },
  { name: "pressure-io", file: "/proc/pressure/io" },
  { name: "journal.boots", run: [...journal, "--list-boots"] },
  { name: "journal.errors", run: [...journal, "--priority=err", `--lines=${journalLines}`] },
  { name: "journal.log", run: [...journal, `--lines=${journalLines}`] },
  { name: "selinux-denials", run: [...journal, "_TRANSPORT=kernel"], lines: /avc: +denied/ },
  { name: "dmesg", run: [...journal, "--dmesg"] },
  { name: "kdump.log", file: crashMessagesPath },
  { name: "mounts", run: ["findmnt", "--df"] },
  { name: "mounts-tree", run: ["findmnt"] },
  { name: "disks", run: ["lsblk", "--fs"] },
  { name: "modules", run: ["lsmod"] },
  { name: "network", run: ["networkctl", "--no-pager", "--full", "status", "--all"] },
  { name: "dns", run: ["resolvectl", "--no-pager", "status"] },
  { name: "time", run: ["chronyc", "-n", "tracking"] },
  { name: "time-sources", run: ["chronyc", "-n", "sources"] },
  { name: "signpost", run: ["signpost", "status"] },
  { name: "units", run: ["systemctl", "--no-pager", "--full", "list-units", "--all"] },
  { name: "units-failed", run: ["systemctl", "--no-pager", "--full", "--failed", "status"] },
  { name: "boot-blame", run: ["systemd-analyze", "--no-pager", "blame"] },
  { name: "boot-critical-chain", run: ["systemd-analyze", "--no-pager", "critical-chain"] },
  { name: "boot.svg", run: ["systemd-analyze", "plot"] },
  { name: "containerd-config", run: ["containerd", "config", "dump"] },
  { name: "containerd-containers", run: ["ctr", "--namespace=default", "containers", "list"] },
];

const ofOrchestrator: Readonly<Record<Orchestrator["kind"], readonly LogRequest[]>> = {
  none: [],
  kubernetes: [
    { name: "kubelet-status", run: ["systemctl", "--no-pager", "--full", "status", "kubelet.service"] },
    { name: "kubernetes-containers", run: ["ctr", "--namespace=k8s.io", "containers", "list"] },
    { name: "ipamd.log", file: "/var/log/aws-routed-eni/ipamd.log" },
    { name: "cni-plugin.log", file: "/var/log/aws-routed-eni/plugin.log" },
  ],
  ecs: [{ name: "ecs-status", run: ["systemctl", "--no-pager", "--full", "status", "ecs.service", "docker.service"] }],
};

export function requestsFor({ kind }: Orchestrator): readonly LogRequest[] {
  return [...common, ...ofOrchestrator[kind]];
}
