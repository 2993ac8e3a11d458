/** `settings.dns` */
import { dnsDomain, ipAddress } from "../../values/network-names.ts";
import { setting, table } from "../../model/setting.ts";
import { listOf } from "../../model/type.ts";

export const dns = table("How this host resolves names.", {
  "name-servers": setting({
    type: listOf(ipAddress),
    doc: "Name servers. What DHCP says is used unless set.",
    example: ["10.0.0.2"],
  }),
  "search-list": setting({
    type: listOf(dnsDomain),
    doc: "Domains to search. What DHCP says is used unless set.",
    example: ["example.com"],
  }),
});
