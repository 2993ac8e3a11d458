/** The host's name for programs that read the file; the kernel's own is set by `host/reconcile/hostname.ts`. */
import { shortened } from "../../settings/values/network-names.ts";
import { configFile } from "./config-file.ts";

export const hostnameFile = configFile({
  path: "/etc/hostname",
  render: ({ network }) => (network.hostname === undefined ? undefined : `${shortened(network.hostname)}\n`),
});
