/**
 * The certificate authorities that programs of this host trust: those of the image, and what `settings.pki` adds to
 * and takes from them. Bottlerocket calls this certdog.
 *
 * Certificates are the same when their DER is. One that is both trusted and not is not.
 */
import { createHash, X509Certificate } from "node:crypto";
import type { Settings } from "../../settings/model.ts";
import type { ConfigFiles } from "./config-file.ts";

/** Of the image, see image/root/trust-store.ts. */
export const imageBundle = "/usr/share/orlop/ca-bundle.crt";

/** Where OpenSSL, GnuTLS, Go and people look: a bundle, and links to it. */
const bundle = "/etc/ssl/certs/ca-certificates.crt";
const links = ["/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"];

export const trustStore: ConfigFiles = {
  name: bundle,
  // They read it when they start.
  restart: ["containerd.service", "docker.service"],
  reload: [],
  render({ pki }, { certificates }) {
    const content = trustedBundle(certificates, pki);
    if (content === undefined) return [bundle, ...links].map((path) => ({ path, linkTo: imageBundle }));
    return [{ path: bundle, mode: 0o644, content }, ...links.map((path) => ({ path, linkTo: bundle }))];
  },
};

const block = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** @returns undefined when the settings change nothing */
export function trustedBundle(base: string, pki: Settings["pki"]): string | undefined {
  const own = Object.values(pki).map(({ data = "", trusted }) => ({ trusted, blocks: blocksIn(decoded(data)) }));
  const distrusted = new Set(own.flatMap(({ trusted, blocks }) => (trusted ? [] : [...blocks.keys()])));
  const added = new Map(own.flatMap(({ trusted, blocks }) => (trusted ? [...blocks] : [])));
  if (distrusted.size === 0 && added.size === 0) return undefined;
  const kept = new Map([...blocksIn(base), ...added].filter(([identity]) => !distrusted.has(identity)));
  return [...kept]
    .map(([identity, text]) => (added.has(identity) ? `${heading(text)}\n${text}\n` : `${text}\n`))
    .join("");
}

const decoded = (data: string): string => Buffer.from(data, "base64").toString("latin1");

/** The certificates of a bundle by the hash of their DER. */
function blocksIn(text: string): Map<string, string> {
  return new Map(
    Array.from(text.matchAll(block), ([pem, body = ""]) => [
      createHash("sha256").update(Buffer.from(body, "base64")).digest("hex"),
      pem,
    ]),
  );
}

const heading = (pem: string): string => `# ${new X509Certificate(pem).subject.replaceAll("\n", ", ")}`;
