/** The links of this machine, when somebody configured them, for systemd-networkd. */
import { networkdFiles } from "../network/networkd.ts";
import { networkConfig } from "../network/source.ts";
import type { ConfigFiles } from "./config-file.ts";

export const links: ConfigFiles = {
  name: "/etc/systemd/network",
  restart: [],
  reload: ["systemd-networkd.service"],
  render(_settings, { network }) {
    if (network === undefined) return [];
    return networkdFiles(networkConfig(network)).map((file) => ({ ...file, mode: 0o644 }));
  },
};
