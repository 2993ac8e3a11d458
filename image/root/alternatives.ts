/** Links that maintainer scripts would have made with update-alternatives, for the programs that are there. */
import { symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isPresent } from "../../lib/files/files.ts";

/** By the path of the link; beside it is what it leads to. */
const alternatives: Readonly<Record<string, string>> = {
  // Rules of iptables are kept by nftables, as Debian has it.
  "usr/sbin/iptables": "iptables-nft",
  "usr/sbin/iptables-restore": "iptables-nft-restore",
  "usr/sbin/iptables-save": "iptables-nft-save",
  "usr/sbin/ip6tables": "ip6tables-nft",
  "usr/sbin/ip6tables-restore": "ip6tables-nft-restore",
  "usr/sbin/ip6tables-save": "ip6tables-nft-save",
};

/** Makes the links whose program is there; their paths come back. */
export async function linkAlternatives(root: string): Promise<string[]> {
  const made: string[] = [];
  for (const [link, target] of Object.entries(alternatives)) {
    if (!(await isPresent(join(root, dirname(link), target))) || (await isPresent(join(root, link)))) continue;
    await symlink(target, join(root, link));
    made.push(link);
  }
  return made;
}
