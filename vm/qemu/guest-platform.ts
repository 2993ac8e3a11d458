/** What a machine of an architecture is: QEMU's program and board for it, its processor, and its firmware in the tools root. */
import type { ImageManifest } from "../../image/manifest.ts";
import { openToolsRoot, type ToolsRoot } from "../../image/packages/tools-root.ts";

export type GuestArchitecture = ImageManifest["architecture"];

export type GuestPlatform = {
  program: `qemu-system-${string}`;
  board: { plain: string; secure: string };
  /** As QEMU emulates it without speed in the way. */
  emulatedProcessor: string;
  /** A TPM as the board has one. */
  tpm: string;
  /** Programs of the tools root see these paths. */
  firmware: { plain: string; secure: string; variables: string };
  /** Sets of the lock that are needed beside the builder's own tools. */
  furtherTools: readonly string[];
};

export const guestPlatforms: Readonly<Record<GuestArchitecture, GuestPlatform>> = {
  x86_64: {
    program: "qemu-system-x86_64",
    // Only the firmware, in system management mode, can write its variables.
    board: { plain: "q35", secure: "q35,smm=on" },
    // Emulation repeats string instructions byte by byte, so the kernel is told that they are not fast. After an
    // instruction of AVX, those of SSE and SHA, which QEMU's own code emulates, take five times as long for a while.
    // It does not speculate, and says so by the model of one that does not either, an Atom of 2008: what guards
    // against speculation would slow it down, and is left out.
    emulatedProcessor: "max,-erms,-fsrm,-avx,vendor=GenuineIntel,family=6,model=28,stepping=10",
    tpm: "tpm-crb",
    firmware: {
      plain: "/usr/share/OVMF/OVMF_CODE_4M.fd",
      secure: "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd",
      variables: "/usr/share/OVMF/OVMF_VARS_4M.fd",
    },
    furtherTools: [],
  },
  aarch64: {
    program: "qemu-system-aarch64",
    // There is nothing like system management mode: a guest that is root can write all variables of this firmware.
    board: { plain: "virt", secure: "virt" },
    // Signatures of pointers take most of an emulated boot when they are those that the architecture defines.
    emulatedProcessor: "max,pauth-impdef=on",
    tpm: "tpm-tis-device",
    firmware: {
      plain: "/usr/share/AAVMF/AAVMF_CODE.no-secboot.fd",
      secure: "/usr/share/AAVMF/AAVMF_CODE.secboot.fd",
      variables: "/usr/share/AAVMF/AAVMF_VARS.fd",
    },
    furtherTools: ["tools-aarch64"],
  },
};

/** The builder's tools, with what boots guests of that architecture. */
export async function openGuestTools(architecture: GuestArchitecture): Promise<ToolsRoot> {
  return await openToolsRoot({ sets: ["tools", ...guestPlatforms[architecture].furtherTools] });
}
