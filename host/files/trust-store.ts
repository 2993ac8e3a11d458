/**
 * The certificate authorities that programs of this host trust: those of the image, and what `settings.pki` adds to
 * and takes from them. Bottlerocket calls this certdog.
 *
 * Certificates are the same when their DER is. One that is both trusted and not is not. They are written anew, so that
 * a stricter reader than ours takes what `userdata check` took.
 */
import { createHash, type X509Certificate } from "node:crypto";
import { assert } from "../../lib/failure.ts";
import type { Settings } from "../../settings/model/model.ts";
import { isBlank, readBundle, subjectLine } from "../../settings/values/pem.ts";
import { pemOf, readPem } from "../../settings/values/pem-blocks.ts";
import { imageBundle } from "../machine/outbound.ts";
import type { ConfigFiles } from "./config-file.ts";

/** Where OpenSSL, GnuTLS, Go and people look: a bundle, and links to it. */
const bundle = "/etc/ssl/certs/ca-certificates.crt";
const links = ["/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"];

export const trustStore: ConfigFiles = {
  name: bundle,
  // They read it when they start.
  restart: ["containerd.service", "host-containerd.service", "docker.service", "ecs.service"],
  reload: [],
  render({ pki }, { certificates }) {
    const content = trustedBundle(certificates, pki);
    if (content === undefined) return [bundle, ...links].map((path) => ({ path, linkTo: imageBundle }));
    return [{ path: bundle, mode: 0o644, content }, ...links.map((path) => ({ path, linkTo: bundle }))];
  },
  warnings: unusable,
};

/** @returns undefined when the settings change nothing */
export function trustedBundle(base: string, pki: Settings["pki"]): string | undefined {
  const bundles = Object.values(pki).map(({ data, trusted }) => ({ trusted, certificates: certificatesIn(data) }));
  const distrusted = new Set(
    bundles.flatMap(({ trusted, certificates }) => (trusted ? [] : certificates.map(identityOf))),
  );
  const added = new Map(
    bundles.flatMap(({ trusted, certificates }) =>
      trusted ? certificates.map((each) => [identityOf(each), each]) : [],
    ),
  );
  if (distrusted.size === 0 && added.size === 0) return undefined;
  const image = new Map(imageCertificates(base).map((der) => [hashOf(der), pemOf("CERTIFICATE", der)]));
  for (const [identity, certificate] of added) image.set(identity, described(certificate));
  return [...image].flatMap(([identity, text]) => (distrusted.has(identity) ? [] : [text])).join("");
}

/** None of a bundle that cannot be used: it must not take the others with it. `unusable` tells of it. */
function certificatesIn(data = ""): X509Certificate[] {
  const bundle = readBundle(data);
  return bundle.ok ? bundle.certificates : [];
}

/** What an older image accepted and this one cannot read. */
function unusable({ pki }: Settings): string[] {
  return Object.entries(pki).flatMap(([name, { data = "", trusted }]) => {
    const bundle = isBlank(data) ? undefined : readBundle(data);
    if (bundle === undefined || bundle.ok) return [];
    return [`settings.pki.${name} is not ${trusted ? "trusted" : "distrusted"}: ${bundle.flaw}`];
  });
}

function imageCertificates(base: string): Uint8Array[] {
  const reading = readPem(Buffer.from(base));
  assert(reading.ok, "the image's own bundle is PEM");
  return reading.blocks.map(({ body }) => Buffer.from(body, "base64"));
}

const hashOf = (der: Uint8Array): string => createHash("sha256").update(der).digest("hex");
const identityOf = ({ raw }: X509Certificate): string => hashOf(raw);

/** Under its subject, for people who look; a certificate need not have one. */
function described({ subject, raw }: X509Certificate): string {
  return `# ${subjectLine(subject) || "a certificate without a subject"}\n${pemOf("CERTIFICATE", raw)}`;
}
