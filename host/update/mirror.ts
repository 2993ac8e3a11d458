/** How a host reaches its update repository: where, through which proxy, trusting whom, and what it tells the server. */
import { isIP } from "node:net";

export type Mirror = {
  metadata: URL;
  targets: URL;
  /** For `https:` and `http:` alike; undefined means directly. */
  proxy: string | undefined;
  /** Hosts, domains (".example.com") and address ranges ("10.0.0.0/8") that are reached without it. */
  noProxy: readonly string[];
  /** PEM of the authorities to trust; undefined for those of the runtime. */
  authorities: string | undefined;
  /** For the server's statistics; file servers ignore them. Reference 6.1: version, seed, target. */
  query: Readonly<Record<string, string>>;
};

/** What `fetch` needs beside the URL. */
export function requestOf(mirror: Mirror, url: URL): RequestInit {
  const direct = mirror.proxy === undefined || mirror.proxy === "" || isDirect(url.hostname, mirror.noProxy);
  return {
    headers: { "accept-encoding": "identity" }, // lengths and ranges count the bytes that are hashed
    ...(direct ? {} : { proxy: mirror.proxy }),
    ...(mirror.authorities === undefined ? {} : { tls: { ca: mirror.authorities } }),
  };
}

/** `name` below `base`, with the query of the mirror. */
export function urlOf(mirror: Mirror, base: URL, name: string): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, "")}/${name}`;
  for (const [key, value] of Object.entries(mirror.query)) url.searchParams.set(key, value);
  return url;
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
