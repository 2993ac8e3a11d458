/**
 * Where a server sends a client: followed as far as it leads to no weaker place than the one that was asked for.
 *
 * A redirect is an answer like any other, and whoever gives it may be a stranger: on the way from https to http anybody may
 * write the rest, and an address of this machine or of its link leads where the server itself could not reach.
 * RFC 9110, 15.4; Fetch Standard, HTTP-redirect fetch.
 */
import { isIPv4, isIPv6 } from "node:net";
import { Failure } from "../failure.ts";

/** As `fetch`, whatever proxy and authorities it goes by. */
export type Fetch = (url: URL, init: RequestInit) => Promise<Response>;

const hopsMost = 5;
const redirects: readonly number[] = [301, 302, 303, 307, 308];
/** They are for the server that was asked. */
const credentials = ["authorization", "cookie", "proxy-authorization"];

/**
 * `fetch` that follows redirects of GET and HEAD by these rules, where a request does not say "manual" or "error".
 *
 * @throws {Failure<"bad-redirect">}
 */
export function followingRedirects(fetch: Fetch): Fetch {
  return async (asked, init) => {
    if (init.redirect === "manual" || init.redirect === "error") return await fetch(asked, init);
    const headers = new Headers(init.headers);
    let url = asked;
    for (let hops = 0; ; hops++) {
      const response = await fetch(url, { ...init, headers, redirect: "manual" });
      const location = redirects.includes(response.status) ? response.headers.get("location") : null;
      if (location === null) return response;
      response.body?.cancel().catch(() => undefined);
      const next = nextOf(url, location, init.method ?? "GET", hops);
      if (next.origin !== url.origin) for (const name of credentials) headers.delete(name);
      url = next;
    }
  };
}

function nextOf(url: URL, location: string, method: string, hops: number): URL {
  const refuse = (reason: string): never => {
    throw new Failure("bad-redirect", `cannot follow the redirect of ${shownPlace(url)}: ${reason}`);
  };
  if (!["GET", "HEAD"].includes(method.toUpperCase())) refuse(`a ${method} goes to nobody else`);
  if (hops >= hopsMost) refuse(`it is the ${hopsMost + 1}th in a row`);
  const next = URL.parse(location, url.href) ?? refuse("it leads to no URL");
  if (next.protocol !== "https:" && (next.protocol !== "http:" || url.protocol === "https:")) {
    refuse(`it leads from ${url.protocol.slice(0, -1)} to ${next.protocol.slice(0, -1)}`);
  }
  if (isNear(next.hostname) && next.hostname !== url.hostname && !isNear(url.hostname)) {
    refuse(`it leads to ${next.hostname}, which is this machine or its link`);
  }
  return next;
}

/** RFC 1122, 3.2.1.3; RFC 3927; RFC 4291, 2.5; the metadata service of EC2 over IPv6 is fd00:ec2::254. */
function isNear(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  if (isIPv4(host)) return /^(?:127|0)\.|^169\.254\./.test(host);
  if (isIPv6(host)) return /^(?:::1?$|::ffff:(?:7f|a9fe)|fe[89ab]|fd00:ec2:)/i.test(host);
  return host === "localhost" || host.endsWith(".localhost");
}

/** An address as it may be printed: without a password and whatever else lets its owner in. */
export const shownPlace = ({ origin, pathname }: URL): string => `${origin}${pathname}`;
