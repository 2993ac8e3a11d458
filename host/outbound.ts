/** How what runs here reaches servers elsewhere: through which proxy, past which names, and trusting whom. */
import { isIP } from "node:net";
import { readTextIfPresent } from "../lib/files.ts";
import type { Settings } from "../settings/group.ts";
import { hostPath, type System } from "./system.ts";

export type Route = {
  /** For `https:` and `http:` alike; undefined means directly. */
  proxy: string | undefined;
  /** Hosts, domains (".example.com") and address ranges ("10.0.0.0/8") that are reached without it. */
  noProxy: readonly string[];
  /** PEM of the authorities to trust; undefined for those of the runtime. */
  authorities: string | undefined;
};

/** The bundle that every program of the host trusts; `settings.pki` is part of it. */
export const authoritiesPath = "/etc/ssl/certs/ca-certificates.crt";

/** The way that settings say, as of now. */
export async function routeOf(system: System, { network }: Pick<Settings, "network">): Promise<Route> {
  return {
    proxy: network["https-proxy"],
    noProxy: network["no-proxy"] ?? [],
    authorities: await readTextIfPresent(hostPath(system, authoritiesPath)),
  };
}

/** What `fetch` needs to go that way. */
export function requestThrough(
  { proxy, noProxy, authorities }: Route,
  url: URL,
): { proxy?: string; tls?: { ca: string } } {
  const direct = proxy === undefined || proxy === "" || isDirect(url.hostname, noProxy);
  return { ...(direct ? {} : { proxy }), ...(authorities === undefined ? {} : { tls: { ca: authorities } }) };
}

/** Whether the host of a URL is one that `noProxy` lists; the machine itself always is. */
export function isDirect(hostname: string, noProxy: readonly string[]): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  if (host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host)) return true;
  return noProxy.some((raw) => {
    const entry = raw.trim().toLowerCase();
    if (entry === "*") return true;
    const range = /^(\d+\.\d+\.\d+\.\d+)\/(\d{1,2})$/.exec(entry);
    if (range !== null) return isIP(host) === 4 && sharesPrefix(host, range[1] ?? "", Number(range[2]));
    const domain = entry.replace(/^\*?\./, "");
    return domain !== "" && (host === domain || host.endsWith(`.${domain}`));
  });
}

function sharesPrefix(a: string, b: string, bits: number): boolean {
  const number = (text: string): number => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const size = 2 ** (32 - Math.min(32, bits));
  return Math.floor(number(a) / size) === Math.floor(number(b) / size);
}
