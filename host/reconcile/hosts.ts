/**
 * /etc/hosts: the loopback names, `settings.network.hosts`, and this host's own name when DNS does not know it.
 *
 * Programs of the host find its name without that line (nss-myhostname), but containers with the host's network read
 * this file alone. Whether DNS knows the name is asked once for each name and kept in the file: a name server that is
 * slow or gone must neither delay passes nor rewrite the file.
 */
import { isIP } from "node:net";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import type { Settings } from "../../settings/model/model.ts";
import { shortened } from "../../settings/values/network-names.ts";
import { hostPath, type System } from "../machine/system.ts";
import { reconciler } from "./reconciler.ts";

const path = "/etc/hosts";

type Entry = readonly [address: string, names: readonly string[]];
/** `alias` is this host's name, when it is one that DNS has to be asked about. */
type Desired = { entries: readonly Entry[]; alias: string | undefined };
type Actual = { text: string | undefined; inDns: boolean };

export const hosts = reconciler<Desired, Actual, { text: string; change: "create" | "modify" }>({
  name: "hosts",
  desired: ({ network: { hosts: list = [], hostname: set } }) => {
    const hostname = set === undefined ? undefined : shortened(set);
    const isListed = list.some(([, names]) => names.some((name) => name === hostname));
    return {
      entries: joined(list),
      alias: hostname === undefined || isIP(hostname) !== 0 || isListed ? undefined : hostname,
    };
  },
  async observe(system, { alias }) {
    const text = await readTextIfPresent(hostPath(system, path));
    return { text, inDns: alias === undefined || (await isInDns(system, alias, text ?? "")) };
  },
  plan(desired, { text: actual, inDns }) {
    const text = hostsFile(desired, inDns);
    return text === actual ? [] : [{ text, change: actual === undefined ? "create" : "modify" }];
  },
  describe: ({ change }) => ({
    description: `${change === "create" ? "create" : "change"} ${path}`,
    file: { path, change },
  }),
  apply: (system, { text }) => writeFileAtomic(hostPath(system, path), text),
  afterFailure: "stop",
});

function hostsFile({ entries, alias }: Desired, inDns: boolean): string {
  const aliases = alias === undefined || inDns ? [] : [alias];
  return [
    "# Written from settings.network; changes are overwritten.",
    ...(alias === undefined ? [] : [answer(alias, inDns)]),
    ["127.0.0.1", "localhost", ...aliases].join(" "),
    ["::1", "localhost", ...aliases].join(" "),
    ...entries.map(([address, names]) => [address, ...names].join(" ")),
    "",
  ].join("\n");
}

const answer = (alias: string, inDns: boolean): string => `# DNS ${inDns ? "has" : "does not have"} ${alias}.`;

async function isInDns(system: System, alias: string, text: string): Promise<boolean> {
  for (const inDns of [true, false]) if (text.includes(`\n${answer(alias, inDns)}\n`)) return inDns;
  const addresses = await system.dns.addressesOf(alias);
  return addresses.some((address) => !address.startsWith("127.") && address !== "::1");
}

/** Names of a repeated address come together, where it stood first. */
function joined(entries: NonNullable<Settings["network"]["hosts"]>): Desired["entries"] {
  const names = new Map<string, string[]>();
  for (const [address, more] of entries) names.set(address, [...(names.get(address) ?? []), ...more]);
  return [...names];
}
