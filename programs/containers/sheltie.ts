/**
 * `sheltie`: a root shell in the host's namespaces, from the superpowered admin container.
 *
 * A host has no shell, so the container's own goes along: `/proc/PID/root` leads from the host's mount namespace back
 * to the root of a process in this container, namely of this one, which waits until the shell ends. Both shell and
 * busybox are static, for the host's libraries need not be theirs.
 */
import { userInfo } from "node:os";
import { type Argv, atTheTerminal, start } from "../../lib/program/program.ts";

/** Of the host; a superpowered container sees the host's processes. */
const hostInit = "1";

export function sheltieCommand(words: readonly string[], self: { pid: number; uid: number; term: string }): Argv {
  if (self.uid !== 0) return ["sudo", "sheltie", ...words];
  const container = `/proc/${self.pid}/root`;
  return [
    "nsenter",
    `--target=${hostInit}`,
    "--mount",
    "--uts",
    "--ipc",
    "--net",
    "--cgroup",
    `${container}/usr/bin/busybox`,
    "env",
    "-i",
    `TERM=${self.term}`,
    "HOME=/root",
    `PATH=/usr/sbin:/usr/bin:${container}/usr/lib/sheltie`,
    "PS1=host:\\w# ",
    `${container}/usr/bin/bash-static`,
    "--norc",
    ...words,
  ];
}

export async function main(words: readonly string[]): Promise<never> {
  // Ctrl-C is for what runs in the shell.
  process.on("SIGINT", () => undefined);
  const self = { pid: process.pid, uid: userInfo().uid, term: process.env["TERM"] ?? "linux" };
  process.exit(await start(sheltieCommand(words, self), atTheTerminal).exited);
}
