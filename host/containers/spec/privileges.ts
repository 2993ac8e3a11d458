/** What each kind of container may do. Source: reference profiles of Bottlerocket's host-ctr; capabilities(7). */
import { furtherCapabilities, ordinaryCapabilities } from "../../../settings/values/oci-names.ts";
import type { Description } from "../description.ts";

export type Privileges = {
  capabilities: readonly string[];
  /** Sees and may use every device, and what is mounted on the host; what it mounts is seen by the host. */
  host: boolean;
  /** Shares the host's processes. */
  hostProcesses: boolean;
  /** System calls that are refused. */
  refused: readonly string[];
  newPrivileges: boolean;
};

/** Of a container that prepares the machine, beyond the ordinary ones. */
const bootstrapCapabilities = ["audit-control", "net-admin", "sys-admin", "sys-chroot", "sys-module"];

/** Each needs a capability that these containers lack, or reaches into the kernel where none is asked for. */
const neverCalled = [
  "add_key",
  "bpf",
  "fsconfig",
  "fsmount",
  "fsopen",
  "fspick",
  "io_uring_enter",
  "io_uring_register",
  "io_uring_setup",
  "kcmp",
  "kexec_file_load",
  "kexec_load",
  "keyctl",
  "lookup_dcookie",
  "mbind",
  "migrate_pages",
  "move_mount",
  "move_pages",
  "open_by_handle_at",
  "open_tree",
  "perf_event_open",
  "pivot_root",
  "process_vm_readv",
  "process_vm_writev",
  "ptrace",
  "quotactl",
  "reboot",
  "request_key",
  "set_mempolicy",
  "settimeofday",
  "swapoff",
  "swapon",
  "userfaultfd",
];
const neverCalledWithoutModules = ["delete_module", "finit_module", "init_module"];
const neverCalledWithoutAdmin = ["mount", "mount_setattr", "setns", "umount2", "unshare"];

/** A container that prepares the machine mounts and swaps. */
const bootstrapCalls = new Set([
  "fsconfig",
  "fsmount",
  "fsopen",
  "fspick",
  "move_mount",
  "open_tree",
  "swapoff",
  "swapon",
]);

export function privilegesOf({ type, superpowered }: Pick<Description, "type" | "superpowered">): Privileges {
  if (type === "bootstrap") {
    return {
      capabilities: named([...ordinaryCapabilities, ...bootstrapCapabilities]),
      host: true,
      hostProcesses: true,
      refused: neverCalled.filter((call) => !bootstrapCalls.has(call)),
      newPrivileges: false,
    };
  }
  if (superpowered) {
    return {
      capabilities: named([...ordinaryCapabilities, ...furtherCapabilities]),
      host: true,
      hostProcesses: true,
      refused: [],
      newPrivileges: true,
    };
  }
  return {
    capabilities: named(ordinaryCapabilities),
    host: false,
    hostProcesses: false,
    refused: [...neverCalled, ...neverCalledWithoutModules, ...neverCalledWithoutAdmin],
    newPrivileges: false,
  };
}

function named(capabilities: readonly string[]): string[] {
  return [...new Set(capabilities)].map((name) => `CAP_${name.toUpperCase().replaceAll("-", "_")}`).toSorted();
}
