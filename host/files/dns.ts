/**
 * Name servers and search domains for systemd-resolved; what is not set comes from DHCP. See resolved.conf(5).
 *
 * A reload of systemd-resolved 257 keeps search domains that the file no longer has, so it is restarted.
 */
import { configFile } from "./config-file.ts";

export const resolvedConf = configFile({
  path: "/etc/systemd/resolved.conf.d/50-orlop.conf",
  restart: ["systemd-resolved.service"],
  render({ dns }) {
    const servers = dns["name-servers"] ?? [];
    const domains = dns["search-list"] ?? [];
    if (servers.length + domains.length === 0) return undefined;
    return [
      "# Written from settings.dns; changes are overwritten.",
      "[Resolve]",
      ...(servers.length === 0 ? [] : [`DNS=${servers.join(" ")}`]),
      ...(domains.length === 0 ? [] : [`Domains=${domains.join(" ")}`]),
      "",
    ].join("\n");
  },
});
