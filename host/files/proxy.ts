/**
 * The proxy for services that fetch from elsewhere, as an environment that their units read.
 *
 * Source: Bottlerocket's proxy-env. Both spellings, since programs disagree; this host and the cluster's own names are
 * never reached through the proxy.
 */
import type { Settings } from "../../settings/model.ts";
import { configFile } from "./config-file.ts";
import { environmentFile } from "./environment-file.ts";

export const proxyEnvironment = configFile({
  path: "/etc/network/proxy.env",
  // A proxy may have a password in it.
  mode: 0o600,
  restart: ["containerd.service", "kubelet.service", "docker.service", "ecs.service"],
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

/** Hosts and domains that are reached without the proxy. */
export function withoutProxy({ network, kubernetes }: Settings): string[] {
  const server = kubernetes?.["api-server"];
  const domain = kubernetes?.["cluster-domain"];
  return [
    ...(network["no-proxy"] ?? []),
    "localhost",
    "127.0.0.1",
    ...(server === undefined ? [] : [new URL(server).hostname]),
    // Services are known by short names too: "name.namespace.svc".
    ...(domain === undefined ? [] : [".svc", `.${domain}`]),
  ];
}
