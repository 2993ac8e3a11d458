/**
 * URLs. One without a scheme is accepted, since that is what people write; each kind says which scheme it means.
 *
 * What may carry a password or a token, or says what to run, is never sent in the clear unless somebody writes `http://`.
 */
import { isIP } from "node:net";
import { z } from "zod";
import { address, typeOf, type ValueRefusal, type Type } from "../model/type.ts";

const schemed = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;

/** Neither white space, control characters, quotes, angle brackets, backslash, caret, backquote nor braces. */
// oxlint-disable-next-line no-control-regex -- to refuse them
const characters = /^[^\s\u0000-\u0020\u007f-\u00a0"<>\\^`{|}]+$/;

const mostCharacters = 8192;

/** @param meant the scheme of a URL that has none, by its host */
function urlOf(schemes: readonly string[], meant: (host: string) => string, refusal: ValueRefusal): z.ZodType<string> {
  return z
    .string(refusal)
    .max(mostCharacters, { ...refusal, abort: true })
    .regex(characters, refusal)
    .overwrite((value) => (schemed.test(value) ? value : `${meant(hostOf(value))}://${value}`))
    .refine((value) => {
      const url = URL.parse(value);
      return url !== null && /^[^:]*:\/\/[^/]/.test(value) && schemes.includes(url.protocol.slice(0, -1));
    }, refusal);
}

const web = ["http", "https"];
const https = (): string => "https";
const http = (): string => "http";

/** As kubectl and the clients of updates and metrics have it. */
export const httpsUrl: Type<string> = address(
  typeOf("a URL such as https://example.com/path; without a scheme it is https", (refusal) =>
    urlOf(web, https, refusal),
  ),
);

/** As containerd has it, see MatchLocalhost in its core/remotes/docker/registry.go. */
export const registryUrl: Type<string> = address(
  typeOf("a URL such as https://mirror.example.com; without a scheme it is https, on this very host http", (refusal) =>
    urlOf(web, (host) => (isLoopback(host) ? "http" : "https"), refusal),
  ),
);

/** As Kubernetes' probes have it. */
export const httpUrl: Type<string> = address(
  typeOf("a URL such as http://127.0.0.1:8080/healthz; without a scheme it is http", (refusal) =>
    urlOf(web, http, refusal),
  ),
);

/** As Go's programs and Bottlerocket have it. Empty means that there is no proxy. */
export const proxyUrl: Type<string> = address(
  typeOf("a proxy such as http://proxy.example.com:3128, or empty for none; without a scheme it is http", (refusal) =>
    z.union([z.literal("", refusal), urlOf([...web, "socks5"], http, refusal)], refusal),
  ),
);

/** Empty for what is no URL either way. */
function hostOf(value: string): string {
  return URL.parse(`http://${value}`)?.hostname ?? "";
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || (isIP(host) === 4 && host.startsWith("127."));
}
