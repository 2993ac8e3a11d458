/** What is odd about certificates that are accepted: they can be used, and perhaps not for what was meant. */
import type { X509Certificate } from "node:crypto";
import type { Settings } from "../groups/group.ts";
import { isBlank, readBundle, subjectLine } from "../values/pem.ts";
import type { Problem } from "./problem.ts";
import { type Advice, unmetAt } from "./rule.ts";

type Place = { segments: readonly string[]; data: string; isAuthority: boolean };

export const certificateAdvice: readonly Advice[] = [
  {
    name: "a certificate is in force",
    *check(settings, _set, _variant, now) {
      if (now === undefined) return;
      for (const { place, at, certificate } of certificatesOf(settings)) {
        const { validFromDate: from, validToDate: to } = certificate;
        const name = nameOf(at, certificate);
        if (now < from)
          yield unmetAt(place.segments, `has ${name}, which is not in force before ${from.toISOString()}`);
        if (now > to) yield unmetAt(place.segments, `has ${name}, which expired at ${to.toISOString()}`);
      }
    },
  },
  {
    name: "an authority is marked as one",
    *check(settings) {
      for (const { place, at, certificate } of certificatesOf(settings)) {
        if (!place.isAuthority || certificate.ca) continue;
        const sentence = `has ${nameOf(at, certificate)}, which is no authority: many programs do not trust what it signed`;
        yield unmetAt(place.segments, sentence);
      }
    },
  },
  {
    name: "a bundle has each certificate once",
    *check(settings) {
      const seen = new Map<string, number>();
      for (const { place, at, certificate } of certificatesOf(settings)) {
        const identity = [...place.segments, certificate.fingerprint256].join("/");
        const first = seen.getOrInsert(identity, at);
        if (first !== at)
          yield unmetAt(place.segments, `has ${nameOf(at, certificate)} twice: number ${first + 1} is the same`);
      }
    },
  },
];

/** Certificates that are in force now, and will not be when `withinMs` have passed. */
export function* endingCertificates(settings: Settings, now: Date, withinMs: number): Iterable<Problem> {
  for (const { place, at, certificate } of certificatesOf(settings)) {
    const { validFromDate: from, validToDate: to } = certificate;
    const leftMs = to.getTime() - now.getTime();
    if (from > now || leftMs > withinMs) continue;
    const name = nameOf(at, certificate);
    const when = leftMs < 0 ? `which expired at ${to.toISOString()}` : `which expires at ${to.toISOString()}`;
    yield unmetAt(place.segments, `has ${name}, ${when}`);
  }
}

function* certificatesOf(settings: Settings): Iterable<{ place: Place; at: number; certificate: X509Certificate }> {
  for (const place of placesIn(settings)) {
    const bundle = readBundle(place.data);
    if (!bundle.ok) continue;
    for (const [at, certificate] of bundle.certificates.entries()) yield { place, at, certificate };
  }
}

/** What is distrusted may be as odd as it likes. */
function* placesIn({ pki, api, kubernetes }: Settings): Iterable<Place> {
  for (const [name, { data, trusted }] of Object.entries(pki)) {
    if (trusted && data !== undefined && !isBlank(data)) {
      yield { segments: ["pki", name, "data"], data, isAuthority: true };
    }
  }
  for (const [name, data] of Object.entries(api.remote["client-cas"])) {
    yield { segments: ["api", "remote", "client-cas", name], data, isAuthority: true };
  }
  const { "cluster-certificate": cluster, "server-certificate": server } = kubernetes ?? {};
  if (cluster !== undefined)
    yield { segments: ["kubernetes", "cluster-certificate"], data: cluster, isAuthority: true };
  if (server !== undefined) yield { segments: ["kubernetes", "server-certificate"], data: server, isAuthority: false };
}

/** A certificate may have no subject at all. */
function nameOf(at: number, { subject }: X509Certificate): string {
  const name = subjectLine(subject);
  return `certificate ${at + 1}${name === "" ? " without a subject" : ` (${name})`}`;
}
