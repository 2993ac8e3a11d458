/**
 * Requests that a page in a browser makes. Its user holds the certificate, and the page may be anybody's, so it may change
 * nothing: a browser sends `Origin` with whatever is no GET or HEAD, and with every websocket. Fetch Standard, Origin header;
 * Fetch Metadata, Sec-Fetch-Site.
 */
import type { IncomingMessage } from "node:http";
import { Refused } from "../../../api/client/refused.ts";

/** What forms send, which need no permission of the server to go anywhere. Curl's own default is not among them. */
const typesOfForms = /^\s*(?:text\/plain|multipart\/form-data)\b/i;

/** @throws {Refused<"forbidden">} */
export function refusePages({ method = "", url = "", headers }: IncomingMessage): void {
  const site = headers["sec-fetch-site"];
  const isOfPage = headers.origin !== undefined || (site !== undefined && site !== "none" && site !== "same-origin");
  const changes = method !== "GET" || headers.upgrade !== undefined;
  const isForm = typesOfForms.test(headers["content-type"] ?? "");
  if (!changes || (!isOfPage && !isForm)) return;
  const asked = `${method} ${url.split("?", 1)[0]?.slice(0, 100)}`;
  throw new Refused("forbidden", `cannot ${asked}: pages of browsers may only read`, {
    hint: isForm ? "send the body as application/json" : "send no Origin header",
  });
}
