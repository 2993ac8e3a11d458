import { expect, test } from "bun:test";
import { z } from "zod";
import { sbomOf, type SbomSubject } from "./sbom.ts";

const subject: SbomSubject = {
  image: "orlop-dev-x86_64-0.1.0",
  version: "0.1.0",
  architecture: "x86_64",
  lock: { date: "2026-01-02T03:04:05Z" },
  packages: [
    {
      name: "libstdc++6",
      version: "1:14.2.0-19+deb13u1",
      section: "libs",
      source: "gcc-14",
      sourceVersion: "14.2.0-19",
      archive: "debian",
      path: "pool/main/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb",
      bytes: 1,
      sha256: "a".repeat(64),
    },
  ],
  components: [{ name: "hostd", version: "0.1.0", purl: "pkg:generic/orlop/hostd@0.1.0", license: "Apache-2.0" }],
};

const documentSchema = z.object({
  spdxVersion: z.literal("SPDX-2.3"),
  documentNamespace: z.string(),
  creationInfo: z.object({ created: z.string() }),
  packages: z.array(
    z.object({
      SPDXID: z.string().regex(/^SPDXRef-[A-Za-z0-9.-]+$/),
      name: z.string(),
      sourceInfo: z.string().optional(),
      externalRefs: z.array(z.object({ referenceLocator: z.string() })).optional(),
    }),
  ),
  relationships: z.array(
    z.object({ spdxElementId: z.string(), relationshipType: z.string(), relatedSpdxElement: z.string() }),
  ),
});

test("every package is contained in the image, which the document describes", () => {
  const { packages, relationships } = documentSchema.parse(JSON.parse(sbomOf(subject)));
  const [image, ...contents] = packages.map(({ SPDXID }) => SPDXID);
  expect(new Set(contents).size).toBe(2);
  expect(relationships).toEqual([
    { spdxElementId: "SPDXRef-DOCUMENT", relationshipType: "DESCRIBES", relatedSpdxElement: image ?? "" },
    ...contents.map((id) => ({
      spdxElementId: image ?? "",
      relationshipType: "CONTAINS",
      relatedSpdxElement: id,
    })),
  ]);
});

test("a Debian package has the purl and the source that scanners look for", () => {
  const { packages } = documentSchema.parse(JSON.parse(sbomOf(subject)));
  const library = packages.find(({ name }) => name === "libstdc++6");
  expect(library?.externalRefs).toEqual([
    { referenceLocator: "pkg:deb/debian/libstdc%2B%2B6@1:14.2.0-19%2Bdeb13u1?arch=amd64&distro=debian-13" },
  ]);
  expect(library?.sourceInfo).toBe("built from source package: gcc-14 14.2.0-19");
});

test("the same packages give the same document, another version another namespace", () => {
  expect(sbomOf(subject)).toBe(sbomOf(structuredClone(subject)));
  const [first] = subject.packages;
  if (first === undefined) throw new Error("the subject has a package");
  const moved = { ...subject, packages: [{ ...first, version: "1:14.2.0-19+deb13u2" }] };
  const namespace = (text: string): string => documentSchema.parse(JSON.parse(text)).documentNamespace;
  expect(namespace(sbomOf(moved))).not.toBe(namespace(sbomOf(subject)));
  expect(documentSchema.parse(JSON.parse(sbomOf(subject))).creationInfo.created).toBe(subject.lock.date);
});
