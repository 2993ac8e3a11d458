/** The links of this machine for systemd-networkd: as somebody configured them, else the image's own but for settings. */
import { linkName } from "../network/network-config.ts";
import { defaultLinkFiles, networkdFiles, withoutIpv6 } from "../network/networkd.ts";
import { networkConfig } from "../network/source.ts";
import type { ConfigFiles } from "./config-file.ts";

export const links: ConfigFiles = {
  name: "/etc/systemd/network",
  restart: [],
  reload: ["systemd-networkd.service"],
  render({ network: { "disable-ipv6": disabled = [] }, dns }, { network }) {
    const lease = {
      useDns: (dns["name-servers"] ?? []).length === 0,
      useDomains: (dns["search-list"] ?? []).length === 0,
    };
    const config = network === undefined ? undefined : networkConfig(network);
    const files =
      config === undefined
        ? defaultLinkFiles(disabled, lease)
        : networkdFiles(
            config.map((link) => (disabled.includes(linkName(link.key)) ? withoutIpv6(link) : link)),
            lease,
          );
    return files.map((file) => ({ ...file, mode: 0o644 }));
  },
};
