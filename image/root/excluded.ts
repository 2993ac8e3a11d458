/** What a root does without although packages bring it. */
import { unread } from "../packages/unread.ts";

/** Never unpacked. */
export const excluded: readonly string[] = [
  ...unread,
  "etc/alternatives",
  "etc/logcheck",
  "etc/modprobe.d/mdadm.conf",
  // Scripts of System V's init, which only init scripts source.
  "usr/lib/init",
  "usr/lib/kernel",
  "usr/lib/pcrlock.d",
  "usr/lib/python3",
  "usr/lib/systemd/boot/efi/linux*",
  "usr/lib/systemd/boot/efi/systemd-boot*",
  "usr/lib/systemd/catalog",
  // Logins, homes, displays, and directories that a read-only root cannot get.
  "usr/lib/tmpfiles.d/20-systemd-shell-extra.conf",
  "usr/lib/tmpfiles.d/20-systemd-ssh-generator.conf",
  "usr/lib/tmpfiles.d/credstore.conf",
  "usr/lib/tmpfiles.d/debian.conf",
  "usr/lib/tmpfiles.d/home.conf",
  "usr/lib/tmpfiles.d/legacy.conf",
  "usr/lib/tmpfiles.d/passwd.conf",
  "usr/lib/tmpfiles.d/provision.conf",
  "usr/lib/tmpfiles.d/x11.conf",
  "usr/lib/udev/hwdb.d",
  // An array is put together when somebody asks for it, and not because a disk's metadata names one.
  "usr/lib/udev/rules.d/64-md-raid-assembly.rules",
  // The device of the root has no need of them, and those of extensions are made without udev.
  "usr/lib/udev/rules.d/*-dm*.rules",
  "usr/lib/udev/rules.d/*-persistent-storage-dm.rules",
  "usr/lib/systemd/system/blk-availability.service",
  "usr/sbin/blkdeactivate",
  "usr/sbin/dmstats",
  "usr/libexec/xfsprogs",
  "usr/lib/systemd/system-shutdown/mdadm.shutdown",
  "usr/sbin/fsck.xfs",
  "usr/sbin/mdmon",
  "usr/sbin/xfs_*",
  "usr/share/applications",
  // Scripts for engines without root, and for people.
  "usr/share/docker.io",
  "usr/share/fish",
  "usr/share/mdadm",
  "usr/share/pixmaps",
  "usr/share/polkit-1",
  "usr/share/xfsprogs",
  "usr/share/xml",
  "usr/share/zsh",
  // The clock of a host is UTC; leap seconds are what chrony reads.
  "usr/share/zoneinfo/[A-TV-Z]*",
  "usr/share/zoneinfo/posix",
  "usr/share/zoneinfo/right",
];
