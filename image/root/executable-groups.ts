/**
 * Which programs a host has, and why. Every executable file of a package that is not named here is left out of the
 * root; a name that no package brings any more is an error.
 */
export type ExecutableGroup = { reason: string; paths: readonly string[] };

/** What every variant has. Links count like files. */
export const hostExecutables: readonly ExecutableGroup[] = [
  {
    reason: "the service manager and what it runs itself",
    paths: [
      "usr/lib/systemd/systemd",
      "usr/lib/systemd/systemd-executor",
      "usr/lib/systemd/systemd-shutdown",
      "usr/lib/systemd/systemd-cgroups-agent",
      "usr/sbin/init",
    ],
  },
  {
    reason: "boot, one step each: journal, modules, sysctl, file systems, random seed",
    paths: [
      "usr/bin/systemd-tmpfiles",
      "usr/lib/systemd/systemd-fsck",
      "usr/lib/systemd/systemd-growfs",
      "usr/lib/systemd/systemd-journald",
      "usr/lib/systemd/systemd-modules-load",
      "usr/lib/systemd/systemd-random-seed",
      "usr/lib/systemd/systemd-sysctl",
    ],
  },
  {
    reason: "network and names",
    paths: [
      "usr/lib/systemd/systemd-networkd",
      "usr/lib/systemd/systemd-networkd-wait-online",
      "usr/lib/systemd/systemd-resolved",
    ],
  },
  {
    reason: "the host asks its services through these: units, journal, network, names, bus",
    paths: [
      "usr/bin/busctl",
      "usr/bin/journalctl",
      "usr/bin/networkctl",
      "usr/bin/resolvectl",
      "usr/bin/systemctl",
      "usr/bin/systemd-analyze",
      "usr/bin/systemd-cat",
      "usr/bin/systemd-detect-virt",
      "usr/bin/systemd-notify",
      "usr/bin/systemd-run",
      "usr/sbin/poweroff",
      "usr/sbin/reboot",
    ],
  },
  { reason: "the system bus", paths: ["usr/bin/dbus-broker", "usr/bin/dbus-broker-launch"] },
  { reason: "the power button", paths: ["usr/lib/systemd/systemd-logind"] },
  {
    reason: "device nodes, links and drivers",
    paths: [
      "usr/bin/kmod",
      "usr/bin/udevadm",
      "usr/lib/udev/ata_id",
      "usr/lib/udev/cdrom_id",
      "usr/lib/udev/scsi_id",
      "usr/sbin/depmod",
      "usr/sbin/insmod",
      "usr/sbin/lsmod",
      "usr/sbin/modinfo",
      "usr/sbin/modprobe",
      "usr/sbin/rmmod",
    ],
  },
  {
    reason: "mounting, checking and making the partitions that are written to",
    paths: [
      "usr/bin/findmnt",
      "usr/bin/lsblk",
      "usr/bin/mount",
      "usr/bin/systemd-repart",
      "usr/bin/umount",
      "usr/sbin/blkid",
      "usr/sbin/e2fsck",
      "usr/sbin/fsck",
      "usr/sbin/fsck.ext4",
      "usr/sbin/fstrim",
      "usr/sbin/mke2fs",
      "usr/sbin/mkfs.ext4",
      "usr/sbin/resize2fs",
      "usr/sbin/tune2fs",
    ],
  },
  {
    // Source of the latter: Kubernetes' pkg/volume/util/volumepathhandler/volume_path_handler_linux.go.
    reason: "file systems in files, by loop devices: system extensions, and raw block volumes of pods",
    paths: ["usr/sbin/dmsetup", "usr/sbin/losetup"],
  },
  {
    reason: "encrypting the private and the data partition, and opening them with the TPM",
    paths: ["usr/bin/systemd-cryptenroll", "usr/bin/systemd-cryptsetup", "usr/sbin/cryptsetup"],
  },
  {
    reason: "ephemeral disks: one file system, or several disks as one",
    paths: ["usr/sbin/mdadm", "usr/sbin/mkfs.xfs"],
  },
  {
    reason: "swap space in compressed memory",
    paths: ["usr/sbin/mkswap", "usr/sbin/swapoff", "usr/sbin/swapon", "usr/sbin/zramctl"],
  },
  { reason: "what host containers print, on its way to the journal", paths: ["usr/bin/cat"] },
  { reason: "what a crashed kernel left", paths: ["usr/bin/makedumpfile"] },
  { reason: "time", paths: ["usr/bin/chronyc", "usr/sbin/chronyd"] },
];

/** Of a package that a variant adds, all programs stay; of these only some. */
export const someExecutables: Readonly<Record<string, readonly string[]>> = {
  "libglib2.0-0t64": [],
  "open-vm-tools": ["usr/bin/vmtoolsd", "usr/bin/vmware-rpctool"],
};

/**
 * Programs of the base that stay out of interactive variants too. They are for maintainer scripts or for a mutable
 * system, and would mislead who looks inside.
 */
export const neverExecutables: readonly string[] = [
  "usr/bin/kernel-install",
  "usr/bin/systemd-firstboot",
  "usr/bin/systemd-hwdb",
  "usr/bin/systemd-machine-id-setup",
  "usr/bin/systemd-sysusers",
  "usr/lib/systemd/systemd-sysv-install",
  "usr/lib/systemd/systemd-update-done",
  "usr/lib/systemd/systemd-backlight",
  "usr/lib/systemd/systemd-rfkill",
  "usr/lib/systemd/systemd-hibernate-resume",
  "usr/lib/systemd/systemd-binfmt",
  "usr/lib/systemd/systemd-user-sessions",
  "usr/lib/systemd/systemd-user-runtime-dir",
  "usr/lib/systemd/systemd-pcrextend",
  "usr/lib/systemd/systemd-pcrlock",
  "usr/lib/systemd/systemd-tpm2-setup",
  "usr/lib/systemd/systemd-integritysetup",
  "usr/lib/systemd/systemd-veritysetup",
  "usr/sbin/integritysetup",
  "usr/sbin/veritysetup",
  "usr/lib/systemd/systemd-pstore",
  "usr/lib/systemd/systemd-remount-fs",
  "usr/lib/systemd/systemd-initctl",
  "usr/lib/systemd/systemd-hostnamed",
  "usr/lib/systemd/systemd-localed",
  "usr/lib/systemd/systemd-timedated",
  "usr/lib/systemd/systemd-network-generator",
  "usr/lib/systemd/systemd-storagetm",
  "usr/lib/systemd/systemd-bsod",
  "usr/lib/systemd/systemd-battery-check",
  "usr/lib/systemd/systemd-quotacheck",
  "usr/lib/systemd/systemd-volatile-root",
  "usr/lib/systemd/systemd-boot-check-no-failures",
  "usr/bin/systemd-confext",
  "usr/bin/systemd-sysext",
  "usr/bin/systemd-creds",
  "usr/bin/systemd-ask-password",
  "usr/bin/systemd-tty-ask-password-agent",
  "usr/bin/makedumpfile-R.pl",
  "usr/sbin/ip6tables-apply",
  "usr/sbin/iptables-apply",
  "usr/sbin/update-ca-certificates",
  "usr/sbin/agetty",
  "usr/sbin/getty",
  "usr/sbin/sulogin",
  "usr/lib/systemd/systemd-sulogin-shell",
  "usr/bin/su",
  "usr/sbin/runuser",
];
