/**
 * The proxy for services that fetch from elsewhere, as an environment that their units read.
 *
 * Source: Bottlerocket's proxy-env. Both spellings, since programs disagree; this host and the cluster's own names are
 * never reached through the proxy.
 */
import { withoutProxy } from "../machine/outbound.ts";
import { configFile } from "./config-file.ts";
import { environmentFile } from "./environment-file.ts";

export const proxyEnvironment = configFile({
  path: "/etc/network/proxy.env",
  // A proxy may have a password in it.
  mode: 0o600,
  restart: ["containerd.service", "host-containerd.service", "kubelet.service", "docker.service", "ecs.service"],
  render(settings) {
    const proxy = settings.network["https-proxy"] ?? "";
    const direct = withoutProxy(settings).join(",");
    return environmentFile([
      ...(proxy === ""
        ? []
        : ([
            ["HTTPS_PROXY", proxy],
            ["https_proxy", proxy],
          ] as const)),
      ["NO_PROXY", direct],
      ["no_proxy", direct],
    ]);
  },
});
