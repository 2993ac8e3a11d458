/**
 * The host's name: what EC2 calls it, else the name of its primary address in DNS, else the address as text.
 *
 * Source: Bottlerocket's dogtag, detectors 20-imds and 10-reverse-dns. Lower case and no longer than its setting wants it.
 */
import { ownName, shortened } from "../../settings/values/network-names.ts";
import type { Generator } from "./generator.ts";
import { reachedImds } from "./instance-metadata.ts";
import { primaryAddress } from "./primary-address.ts";

export const hostname: Generator = {
  key: "settings.network.hostname",
  group: "network",
  description: "the name that EC2 gives, else the name of the primary address in DNS, else that address",
  async generate(host, signal) {
    if (host.facts.variant.platform === "aws") {
      const imds = await reachedImds(host.system, signal);
      const name = usable((await imds.localHostname(signal)) ?? "");
      if (name !== undefined) return name;
    }
    const address = await primaryAddress(host, ["IPv4", "IPv6"], signal);
    const names = await host.system.dns.namesOf(address);
    // An IPv6 address is no host name: its colons become hyphens.
    return names.map(usable).find((name) => name !== undefined) ?? address.replaceAll(":", "-").replace(/^-/, "0-");
  },
};

function usable(name: string): string | undefined {
  const plain = shortened(name.trim().toLowerCase().replace(/\.$/, ""));
  return ownName.schema().safeParse(plain).success && plain !== "localhost" ? plain : undefined;
}
