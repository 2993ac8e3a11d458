/**
 * Going on with a download where it broke off: what an answer means for the bytes that are there already.
 *
 * They are dropped only on an answer that shows that they are of another file; a server that is busy, broken or has
 * nothing shows nothing. Source: RFC 9110 §14.2, §14.4, §15.3.7 and §15.5.17.
 */
export type RestAnswer =
  /** The body goes on at the byte that was asked for. */
  | "rest"
  /** The body is the file from its first byte, as of a server without ranges: what is there comes again. */
  | "whole"
  /** The server has no such range, or sends another: what is there belongs to another file. */
  | "elsewhere"
  /** The server does not give the file. */
  | "refused";

/** What a request for the bytes from `offset` on needs beside its other headers. */
export function rangeHeaders(offset: number): { range?: string } {
  return offset > 0 ? { range: `bytes=${offset}-` } : {};
}

/** What the answer to such a request means. */
export function restAnswer({ status, headers }: Pick<Response, "status" | "headers">, offset: number): RestAnswer {
  if (status === 200) return "whole";
  if (status === 416) return offset > 0 ? "elsewhere" : "refused";
  if (status !== 206) return "refused";
  const start = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
  return start !== undefined && Number(start) === offset ? "rest" : "elsewhere";
}
