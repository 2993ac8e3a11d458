/**
 * The kernel command line, which is part of the signed image: what is in it, a firmware or boot loader cannot change.
 *
 * Without Secure Boot others may add words to it, and the last of a name counts. What the root is, the initrd therefore
 * reads from a file of its own (`rootWords`); here it stands for whoever looks at an image from outside.
 */
import { assert, unreachable } from "../../lib/failure.ts";
import { wantsContainerd17 } from "../../variants/kubernetes.ts";
import type { Architecture, Orchestrator, Platform, Variant } from "../../variants/variant.ts";
import { blockBytes, type Verity, verityTable } from "../verity.ts";

/** Consoles of a platform; the kernel's last one is /dev/console. */
function consoles(platform: Platform, architecture: Architecture): string[] {
  const serial = architecture === "x86_64" ? "ttyS0" : "ttyAMA0";
  return platform === "qemu" ? [`console=${serial}`] : ["console=tty0", `console=${serial},115200n8`];
}

/** Of an installer, which has no root: what stops it is shown for a minute, then the machine starts again. */
export function installerCommandLine(platform: Platform, architecture: Architecture): string {
  return [...consoles(platform, architecture), "panic=60", "loglevel=4"].join(" ");
}

/** What the root is and how it is opened: `name=value`, quoted where it has spaces. */
export function rootWords(verity: Verity): string[] {
  return [
    `roothash=${verity.rootHash}`,
    `rootuuid=${verity.rootUuid}`,
    `hashuuid=${verity.hashUuid}`,
    `veritysize=${(verity.dataBlocks * blockBytes) / 512}`,
    `veritytable="${verityTable(verity)}"`,
  ];
}

/** Whether the policy of SELinux denies. Elsewhere it notes what it would deny. */
function isEnforced(orchestrator: Orchestrator): boolean {
  switch (orchestrator.kind) {
    case "none":
      return true;
    case "kubernetes":
      // Of pods by containerd 1.7 not every test was run under it yet.
      return !wantsContainerd17({ orchestrator });
    case "ecs":
      // What Docker Engine starts was not seen under it yet.
      return false;
    default:
      return unreachable(orchestrator);
  }
}

/** The security modules of the kernel that hosts use. BPF costs systemd a second of every boot. */
const securityModules = "lsm=lockdown,landlock,yama,selinux";

/** The kernel takes at most 2048 bytes on x86_64. */
const maxBytes = 2047;

export function commandLine(
  variant: Pick<Variant, "platform" | "kernelParameters" | "orchestrator">,
  architecture: Architecture,
  verity: Verity,
): string {
  const words = [
    ...variant.kernelParameters,
    ...consoles(variant.platform, architecture),
    ...rootWords(verity),
    // Machines in clouds are known as eth0; hardware has names by place, which survive a new card.
    ...(variant.platform === "metal" ? [] : ["net.ifnames=0"]),
    // The machine's id is the one of its firmware: it is there before any disk is, and outlives every image.
    "systemd.machine_id=firmware",
    // No setting of a unit comes from the firmware (SMBIOS, fw_cfg).
    "systemd.import_credentials=no",
    // A kernel that panics reboots after 10 s, so that a bad image loses its turn.
    "panic=10",
    // Where a crash kernel waits, it starts once the firmware has the last words, from which the reason of a failed
    // update is read.
    "crash_kexec_post_notifiers",
    // The last word of this name counts. Debian's kernel has no `selinux=0`: a list without it is how a variant does without.
    ...(variant.kernelParameters.some((word) => word.startsWith("lsm=")) ? [] : [securityModules]),
    // From the first process. The first word of this name counts (libselinux, load_policy.c), so a variant may say otherwise.
    `enforcing=${isEnforced(variant.orchestrator) ? 1 : 0}`,
    // Until systemd has the watchdog: a processor that is stuck, or a task that waits for a device for two minutes, is
    // a panic, which leaves its words. sysctl.d takes it back, as busy hosts have both without being lost.
    "softlockup_panic=1",
    "hung_task_panic=1",
    // Warnings and worse; the journal has everything.
    "loglevel=4",
    "systemd.show_status=auto",
  ];
  const line = words.join(" ");
  assert(Buffer.byteLength(line) <= maxBytes, `the kernel command line has ${Buffer.byteLength(line)} bytes`);
  return line;
}
