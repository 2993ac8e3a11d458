/** What packages bring and no running system of ours reads: for people, package tools, compilers, other init systems. */
export const unread: readonly string[] = [
  "etc/init.d",
  "usr/include",
  "usr/share/apport",
  "usr/share/bash-completion",
  "usr/share/bug",
  "usr/share/common-licenses",
  "usr/share/doc",
  "usr/share/doc-base",
  "usr/share/icons",
  "usr/share/info",
  "usr/share/initramfs-tools",
  "usr/share/lintian",
  "usr/share/locale",
  "usr/share/man",
  "usr/share/menu",
];
