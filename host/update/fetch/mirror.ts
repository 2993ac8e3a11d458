/** How a host reaches its update repository: where, through which proxy, trusting whom, and what it tells the server. */
import { requestThrough, type ProxyRoute } from "../../machine/outbound.ts";

export type UpdateMirror = ProxyRoute & {
  metadata: URL;
  targets: URL;
  /** For the server's statistics; file servers ignore them: version, seed, target, as Bottlerocket's updog sends. */
  query: Readonly<Record<string, string>>;
};

/** What `fetch` needs beside the URL. */
export function requestOf(mirror: UpdateMirror, url: URL): RequestInit {
  return {
    headers: { "accept-encoding": "identity" }, // lengths and ranges count the bytes that are hashed
    ...requestThrough(mirror, url),
  };
}

/** `name` below `base`, with the query of the mirror. */
export function urlOf(mirror: UpdateMirror, base: URL, name: string): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, "")}/${name}`;
  for (const [key, value] of Object.entries(mirror.query)) url.searchParams.set(key, value);
  return url;
}
