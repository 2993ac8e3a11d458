/** How what runs here reaches servers elsewhere: through which proxy, past which names, and trusting whom. */
import { readTextIfPresent } from "../../lib/files/files.ts";
import type { Settings } from "../../settings/groups/group.ts";
import { goEntry, isDirect } from "./no-proxy.ts";
import { hostPath, type System } from "./system.ts";

export type ProxyRoute = {
  /** For `https:` and `http:` alike; undefined means directly. */
  proxy: string | undefined;
  /** What is reached without it, as `NO_PROXY` of Go's programs. */
  noProxy: readonly string[];
  /** PEM of the authorities to trust; undefined for those of the runtime. */
  authorities: string | undefined;
};

/** The bundle that every program of the host trusts; `settings.pki` is part of it. */
export const authoritiesPath = "/etc/ssl/certs/ca-certificates.crt";

/** The certificate authorities of the image: image/root/trust-store.ts puts them there. */
export const imageBundle = "/usr/share/orlop/ca-bundle.crt";

/** The way that settings say, as of now. */
export async function routeOf(system: System, settings: Settings): Promise<ProxyRoute> {
  return {
    proxy: settings.network["https-proxy"],
    noProxy: withoutProxy(settings),
    authorities: await readTextIfPresent(hostPath(system, authoritiesPath)),
  };
}

/** Hosts and domains that are reached without the proxy, as programs of Go read them: the cluster's own, too. */
export function withoutProxy({ network, kubernetes, ecs }: Settings): string[] {
  const server = kubernetes?.["api-server"];
  const domain = kubernetes?.["cluster-domain"];
  return [
    ...(network["no-proxy"] ?? []).map(goEntry),
    "localhost",
    "127.0.0.1",
    // Of the agent and its tasks: the metadata of the instance, and of the task.
    ...(ecs === undefined ? [] : ["169.254.169.254", "169.254.170.2"]),
    ...(server === undefined ? [] : [goEntry(new URL(server).hostname)]),
    // Services are known by short names too: "name.namespace.svc".
    ...(domain === undefined ? [] : [".svc", `.${domain}`]),
  ];
}

/** What `fetch` needs to go that way. */
export function requestThrough(
  { proxy, noProxy, authorities }: ProxyRoute,
  url: URL,
): { proxy?: string; tls?: { ca: string } } {
  const direct = proxy === undefined || proxy === "" || isDirect(url, noProxy);
  return { ...(direct ? {} : { proxy }), ...(authorities === undefined ? {} : { tls: { ca: authorities } }) };
}

/** The way that an environment says, as units get it; see `host/files/proxy.ts`. */
export function routeIn(environment: Readonly<Record<string, string>>, authorities: string | undefined): ProxyRoute {
  return {
    proxy: environment["HTTPS_PROXY"] ?? environment["https_proxy"],
    noProxy: (environment["NO_PROXY"] ?? environment["no_proxy"] ?? "").split(","),
    authorities,
  };
}

/**
 * Takes the variables of proxies out of this process's environment: the runtime reads them too, with rules of its own,
 * which come before what a request says.
 */
export function removeProxyVariables(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const names = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name];
      Reflect.deleteProperty(environment, name);
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}
