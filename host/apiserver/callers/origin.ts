/**
 * Where a process comes from that connects to the API's socket: from the host, from which of its own containers, or from
 * what the orchestrator runs. The file's mode cannot tell them apart: root in a pod that was given the socket is root.
 *
 * systemd and the kernel put each process into a control group, which only who may write to the host's groups can leave.
 */
import { closeSync, readFileSync } from "node:fs";
import { systemErrorCode } from "../../../lib/failure.ts";
import { peerProcess } from "../../machine/linux.ts";

export type Origin =
  | { readonly kind: "host" }
  | { readonly kind: "workload" }
  /** `id` is that of containerd: host/containers/description.ts. */
  | { readonly kind: "container"; readonly id: string };

const host: Origin = { kind: "host" };
const workload: Origin = { kind: "workload" };

/** Services. Docker's containers are scopes, Kubernetes' have a slice of their own. */
const ofHost = /^\/(?:init\.scope|system\.slice\/(?:[^/]+\.slice\/)*[^/]+\.service(?:\/.*)?)$/;
/** Source: `controlGroupOf`, host/containers/description.ts. */
const ofContainer =
  /^\/host\.slice\/host-containers\.slice\/(?:orlop-([A-Za-z0-9.-]+)\.scope|host-container@([A-Za-z0-9-]+)\.service\/container)(?:\/.*)?$/;

/** @param cgroup as /proc/PID/cgroup tells; "0::/system.slice/hostd.service" */
export function originIn(cgroup: string): Origin {
  const path = /^0::(.*)$/m.exec(cgroup)?.[1] ?? "";
  const [, inScope, inUnit] = ofContainer.exec(path) ?? [];
  const id = inScope ?? inUnit;
  if (id !== undefined) return { kind: "container", id };
  return ofHost.test(path) ? host : workload;
}

/** Of the process that connected. One that is gone is nobody whom the host knows. */
export function originOfPeer(fd: number): Origin {
  const peer = peerProcess(fd);
  if (peer === undefined) return workload;
  try {
    const pid = pidOf(peer);
    const origin = originIn(readFileSync(`/proc/${pid}/cgroup`, "utf8"));
    // While it lives, its number is nobody else's.
    return pidOf(peer) === pid ? origin : workload;
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(systemErrorCode(error) ?? "")) return workload;
    throw error;
  } finally {
    closeSync(peer);
  }
}

/** "-1" when it has ended. Source: Linux, kernel/fork.c, pidfd_show_fdinfo. */
function pidOf(descriptor: number): string {
  return /^Pid:\t(-?\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"))?.[1] ?? "-1";
}
