/** `settings.network` */
import { z } from "zod";
import { hostname, interfaceName, ipAddress, ownName } from "../../values/network-names.ts";
import { setting, table } from "../../model/setting.ts";
import { line } from "../../values/text.ts";
import { listOf, typeOf } from "../../model/type.ts";
import { proxyUrl } from "../../values/url.ts";

const hostsEntry = typeOf("a pair of an IP address and a list of host names", (refusal) =>
  z.tuple([ipAddress.schema(), listOf(hostname, { least: 1 }).schema()], refusal),
);

export const network = table("Names and proxies of this host.", {
  hostname: setting({
    type: ownName,
    doc: "Name of this host. Found by asking DNS for the name of its primary address unless set.",
    example: "worker-1.example.com",
  }),
  hosts: setting({
    type: listOf(hostsEntry),
    doc: "Further lines of /etc/hosts. The names of a repeated address are joined.",
    example: [["10.0.0.5", ["registry.example.com", "registry"]]],
  }),
  "https-proxy": setting({
    type: proxyUrl,
    doc: "Proxy for what services of this host fetch from elsewhere. Empty means none.",
    example: "http://proxy.example.com:3128",
  }),
  "no-proxy": setting({
    type: listOf(line),
    doc: "What is reached without the proxy, beside localhost and the cluster's own, as Go's programs read it: a name with all that is below it, .example.com for the latter alone, an address or a range of addresses; a port may follow a name or an address. * is everything.",
    example: ["10.0.0.0/8", ".example.com"],
  }),
  "disable-ipv6": setting({
    type: listOf(interfaceName),
    doc: "Interfaces that have no IPv6.",
    example: ["eth1"],
  }),
});
