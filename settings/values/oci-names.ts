/** Names of the world of container images. */
import { pattern } from "./text.ts";
import type { Type } from "../model/type.ts";

const pathComponent = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";

/** Source: distribution's reference grammar. */
export const imageGrammar = new RegExp(
  `^(?:(?<registry>localhost(?::\\d+)?|(?:[A-Za-z0-9.-]+\\.[A-Za-z0-9-]+|\\[[0-9a-fA-F:]+\\])(?::\\d+)?|[A-Za-z0-9-]+:\\d+)/)?` +
    `(?<repository>${pathComponent}(?:/${pathComponent})*)` +
    `(?::(?<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$`,
);

/** Kept as written: the client that pulls adds what is left out. */
export const imageReference: Type<string> = pattern(
  "an image reference such as registry.example.com/name:tag",
  /^[!-~]{1,1024}$/,
  (text) => imageGrammar.test(text),
);

/** In place of a registry, of images that come with the OS. */
export const companionRegistry = "orlop.local";

export const registryText = /^(?:\*|(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?)$/;

/** `*` stands for every registry that has no entry of its own. */
export const registryHost: Type<string> = pattern(
  'a registry such as docker.io or registry.example.com:5000, or "*" for all others',
  registryText,
);

/** As in capabilities(7), lower case and without CAP_. */
export const ordinaryCapabilities = [
  "audit-write",
  "chown",
  "dac-override",
  "fowner",
  "fsetid",
  "kill",
  "mknod",
  "net-bind-service",
  "net-raw",
  "setfcap",
  "setgid",
  "setpcap",
  "setuid",
  "sys-chroot",
] as const;

export const furtherCapabilities = [
  "audit-control",
  "audit-read",
  "block-suspend",
  "bpf",
  "checkpoint-restore",
  "dac-read-search",
  "ipc-lock",
  "ipc-owner",
  "lease",
  "linux-immutable",
  "mac-admin",
  "mac-override",
  "net-admin",
  "net-broadcast",
  "perfmon",
  "sys-admin",
  "sys-boot",
  "sys-module",
  "sys-nice",
  "sys-pacct",
  "sys-ptrace",
  "sys-rawio",
  "sys-resource",
  "sys-time",
  "sys-tty-config",
  "syslog",
  "wake-alarm",
] as const;

/** As in getrlimit(2). */
export const resourceLimits = [
  "max-address-space",
  "max-core-file-size",
  "max-cpu-time",
  "max-data-size",
  "max-file-locks",
  "max-file-size",
  "max-locked-memory",
  "max-msgqueue-size",
  "max-nice-priority",
  "max-open-files",
  "max-pending-signals",
  "max-processes",
  "max-realtime-priority",
  "max-realtime-timeout",
  "max-resident-set",
  "max-stack-size",
] as const;
