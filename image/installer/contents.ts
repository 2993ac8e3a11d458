/** What an installer has beyond a host's initrd: programs by name, and modules of the kernel. */

/** With where the packages of the initrd have them. */
export const installerPrograms: Readonly<Record<string, string>> = {
  blkdiscard: "usr/sbin/blkdiscard",
  export: "usr/lib/execline/bin/export",
  ipconfig: "usr/lib/klibc/bin/ipconfig",
  poweroff: "usr/lib/klibc/bin/poweroff",
  reboot: "usr/lib/klibc/bin/reboot",
  umount: "usr/lib/klibc/bin/umount",
};

/** Those that a kernel has are taken: not every architecture has each. */
export const installerModules: readonly string[] = [
  // The medium, sticks with user data, and the private partition.
  "cdrom",
  "sr_mod",
  "ata_piix",
  "isofs",
  "usb-storage",
  "uas",
  "vfat",
  "nls_cp437",
  "nls_ascii",
  "nls_iso8859-1",
  "nls_utf8",
  "ext4",
  "efivarfs",
  // The network: what DHCP is asked over, and cards of servers.
  "af_packet",
  "virtio_net",
  "e1000",
  "e1000e",
  "igb",
  "igc",
  "ixgbe",
  "i40e",
  "ice",
  "tg3",
  "bnx2",
  "bnx2x",
  "bnxt_en",
  "be2net",
  "mlx4_en",
  "mlx5_core",
  "qede",
  "sfc",
  "cxgb4",
  "r8169",
  "atlantic",
  "ena",
  "vmxnet3",
  "hv_netvsc",
];
