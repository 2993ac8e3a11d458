/**
 * What is in an image, as an SPDX 2.3 document (spdx.github.io/spdx-spec/v2.3, ISO/IEC 5962).
 *
 * Everything in it comes from the lock, the time too, so that the same image always has the same document. Versions
 * and package URLs (purl) are what vulnerability scanners match on.
 */
import { createHash } from "node:crypto";
import type { Architecture } from "../../variants/variant.ts";
import type { Lock, LockedPackage } from "./lock.ts";

/** Something in the image that is no Debian package: our own programs, and what is compiled into them. */
export type Component = { name: string; version: string; purl: string; license?: string; sha256?: string };

export type SbomSubject = {
  /** As in the image's file name: "orlop-dev-x86_64-0.1.0". */
  image: string;
  version: string;
  architecture: Architecture;
  lock: Pick<Lock, "date">;
  packages: readonly LockedPackage[];
  components: readonly Component[];
};

type SpdxPackage = {
  SPDXID: string;
  name: string;
  versionInfo: string;
  downloadLocation: "NOASSERTION";
  filesAnalyzed: false;
  licenseConcluded: "NOASSERTION";
  licenseDeclared: string;
  copyrightText: "NOASSERTION";
  supplier?: string;
  sourceInfo?: string;
  primaryPackagePurpose?: string;
  checksums?: { algorithm: "SHA256"; checksumValue: string }[];
  externalRefs?: { referenceCategory: "PACKAGE-MANAGER"; referenceType: "purl"; referenceLocator: string }[];
};

/** The document as text, ready to be written. */
export function sbomOf({ image, version, architecture, lock, packages, components }: SbomSubject): string {
  const root: SpdxPackage = { ...spdxPackage("image", image, version), primaryPackagePurpose: "OPERATING-SYSTEM" };
  const contents = [...packages.map(debianPackage), ...components.map(ownComponent)];
  const document = {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: image,
    documentNamespace: namespaceOf([image, version, architecture, JSON.stringify(contents)]),
    creationInfo: { created: lock.date, creators: [`Tool: orlop-${version}`] },
    packages: [root, ...contents],
    relationships: [
      relationship("SPDXRef-DOCUMENT", "DESCRIBES", root.SPDXID),
      ...contents.map(({ SPDXID }) => relationship(root.SPDXID, "CONTAINS", SPDXID)),
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

function debianPackage({ name, version, source, sourceVersion = version, path, sha256 }: LockedPackage): SpdxPackage {
  // The file's name ends with the architecture it was built for, which may be "all".
  const built = /_([a-z0-9]+)\.deb$/.exec(path)?.[1];
  const architecture = built === undefined ? "" : `arch=${built}&`;
  return {
    ...spdxPackage(`deb-${name}`, name, version),
    supplier: "Organization: Debian",
    sourceInfo: `built from source package: ${source} ${sourceVersion}`,
    checksums: [{ algorithm: "SHA256", checksumValue: sha256 }],
    externalRefs: [purl(`pkg:deb/debian/${encode(name)}@${encode(version)}?${architecture}distro=debian-13`)],
  };
}

function ownComponent({ name, version, purl: locator, license, sha256 }: Component): SpdxPackage {
  return {
    ...spdxPackage(`component-${name}`, name, version),
    licenseDeclared: license ?? "NOASSERTION",
    ...(sha256 === undefined ? {} : { checksums: [{ algorithm: "SHA256" as const, checksumValue: sha256 }] }),
    externalRefs: [purl(locator)],
  };
}

function spdxPackage(id: string, name: string, version: string): SpdxPackage {
  return {
    // SPDX allows letters, digits, "." and "-" here.
    SPDXID: `SPDXRef-${id.replace(/[^A-Za-z0-9.-]/g, (character) => `-x${character.charCodeAt(0).toString(16)}-`)}`,
    name,
    versionInfo: version,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    licenseDeclared: "NOASSERTION",
    copyrightText: "NOASSERTION",
  };
}

function purl(referenceLocator: string): NonNullable<SpdxPackage["externalRefs"]>[number] {
  return { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator };
}

/** The purl specification leaves ":" as it is and encodes "+". */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("%3A", ":");
}

function relationship(from: string, type: "DESCRIBES" | "CONTAINS", to: string): object {
  return { spdxElementId: from, relationshipType: type, relatedSpdxElement: to };
}

/** SPDX requires an address that no other document has; a UUID made from the contents (RFC 9562, version 8) is one. */
function namespaceOf(parts: readonly string[]): string {
  const hex = createHash("sha256").update(parts.join("\n")).digest("hex");
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  const groups = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`];
  return `urn:uuid:${[...groups, hex.slice(20, 32)].join("-")}`;
}
