/**
 * Who may come in to a page on loopback. The address that the program prints has a token that opens the door once; from
 * then on a cookie does, which only this browser has.
 *
 * A page of somebody else in the same browser is kept out: by `Host`, since a name of theirs may lead to loopback (DNS
 * rebinding); by `Origin` and `Sec-Fetch-Site` (Fetch Standard; Fetch Metadata); by `SameSite`. Cookies know no ports, so the
 * page lies below a path that nobody can guess: other servers of this computer never see the cookie (RFC 6265, 5.1.4).
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

export type Admission =
  /** The first visit: the cookie is set, and the page is called without the token. */
  | { kind: "welcome"; cookie: string; location: string }
  /** `path` is relative to the page. */
  | { kind: "inside"; path: string; query: URLSearchParams }
  | { kind: "refused"; status: 400 | 401 | 403 | 404 | 421; reason: string };

const cookieName = "orlop-console";

export class Door {
  /** Where the page is: "/4f0c…/". */
  readonly base = `/${secret()}/`;
  readonly #session = secret();
  /** Undefined once it was used. */
  #token: string | undefined = secret();
  /** How it is started: "apiclient console". */
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  /** What its browser keeps; whoever has it is inside. */
  get cookie(): string {
    return `${cookieName}=${this.#session}; HttpOnly; SameSite=Strict; Path=${this.base}`;
  }

  /** The address to open, once. */
  firstVisit(port: number): string {
    return `http://127.0.0.1:${port}${this.base}?token=${this.#token ?? ""}`;
  }

  /** @param isOwnName whether this server is known by what `Host` has */
  admit(request: IncomingMessage, isOwnName: (host: string) => boolean): Admission {
    const stranger = strangeness(request, isOwnName);
    if (stranger !== undefined) return stranger;
    const target = URL.parse(request.url ?? "", "http://localhost");
    if (target === null) return { kind: "refused", status: 400, reason: "the target is no path" };
    const { pathname, searchParams: query } = target;
    if (!pathname.startsWith(this.base)) return { kind: "refused", status: 404, reason: "there is no such page" };
    const path = pathname.slice(this.base.length);
    const token = query.get("token");
    if (path === "" && token !== null) return this.#welcome(request, token);
    if (this.#knows(request)) return { kind: "inside", path, query };
    const reason = `open the address that \`${this.#program}\` printed; it works once, so start it again for another browser`;
    return { kind: "refused", status: 401, reason };
  }

  #welcome(request: IncomingMessage, token: string): Admission {
    // The same browser may call the address again: it has the cookie.
    const isNew = this.#token !== undefined && isSame(token, this.#token);
    if (!isNew && !this.#knows(request)) {
      return {
        kind: "refused",
        status: 401,
        reason: `the token was used already, or is none; start \`${this.#program}\` again`,
      };
    }
    this.#token = undefined;
    return { kind: "welcome", cookie: this.cookie, location: this.base };
  }

  #knows({ headers }: IncomingMessage): boolean {
    const cookies = (headers.cookie ?? "").split(/;\s*/);
    return cookies.some((cookie) => isSame(cookie, `${cookieName}=${this.#session}`));
  }
}

/** How a server of loopback is called by its own browser. */
export function isLoopbackName(port: number): (host: string) => boolean {
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  return (host) => names.includes(host);
}

/**
 * Why a request is none of the page's; undefined when it may be.
 *
 * @param isOwnName whether the server is known by what `Host` has
 */
export function strangeness(
  { method, headers }: IncomingMessage,
  isOwnName: (host: string) => boolean,
): Extract<Admission, { kind: "refused" }> | undefined {
  if (!isOwnName(headers.host ?? "")) {
    return { kind: "refused", status: 421, reason: "this page is on loopback, and no other host" };
  }
  const site = headers["sec-fetch-site"];
  const { origin } = headers;
  const isForeign = site !== undefined && site !== "same-origin" && site !== "none";
  const isOwn = origin === `http://${headers.host}`;
  if (isForeign || (origin !== undefined && !isOwn)) {
    return { kind: "refused", status: 403, reason: "other pages have no business here" };
  }
  // Browsers send it with whatever is no GET, and with every websocket.
  if ((method !== "GET" || headers.upgrade !== undefined) && !isOwn) {
    return { kind: "refused", status: 403, reason: "only the page itself may do that" };
  }
  return undefined;
}

const secret = (): string => randomBytes(24).toString("base64url");

function isSame(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
