import { expect, test } from "bun:test";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { assert, property, uint8Array } from "fast-check";
import { parse } from "smol-toml";
import { testType } from "../../test/cases/type-cases.ts";
import { bundleFile, certificates, certificatesOrNone, isKeyOf, privateKey, readBundle } from "./pem.ts";
import { pemOf, readPem } from "./pem-blocks.ts";

const sample = await Bun.file(join(import.meta.dir, "../samples/eks.toml")).text();
const encoded = /cluster-certificate = "(.*)"/.exec(sample)?.[1] ?? "";
const pem = Buffer.from(encoded, "base64").toString();
const nameless = /data = "(.*)"/.exec(await Bun.file(join(import.meta.dir, "../samples/pki.toml")).text())?.[1] ?? "";
const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString("base64");
const der = Buffer.from(pem.replaceAll(/-----.*-----|\s/g, ""), "base64");
const labelled = (label: string): string => pem.replaceAll("CERTIFICATE", label);
const key = generateKeyPairSync("ec", { namedCurve: "P-256" })
  .privateKey.export({ format: "pem", type: "pkcs8" })
  .toString();

/** What people hand in, and how the refusal goes on. */
const flawed: readonly (readonly [content: string, encoded: string, flaw: string])[] = [
  ["no PEM", base64("hello"), "it has no PEM block"],
  ["a damaged certificate", base64(pem.replace("MII", "AAA")), "block 1 is no certificate that can be read"],
  [
    "a damaged one behind a good one",
    base64(pem + pem.replace("MII", "AAA")),
    "block 2 is no certificate that can be read",
  ],
  ["DER", base64(der), "it is binary, DER or PKCS #12, and not PEM"],
  ["base64 of base64", base64(base64(pem)), "it is base64 of base64"],
  ["UTF-16", base64(Buffer.from(pem, "utf16le")), "it holds NUL characters, as UTF-16 has"],
  [
    "OpenSSL's own form",
    base64(pem + labelled("TRUSTED CERTIFICATE")),
    "block 2 is a TRUSTED CERTIFICATE, which only OpenSSL reads: `openssl x509` makes a CERTIFICATE of it",
  ],
  [
    "an old label",
    base64(labelled("X509 CERTIFICATE")),
    "block 1 is a X509 CERTIFICATE, and only a CERTIFICATE is expected",
  ],
  [
    "a request",
    base64(labelled("CERTIFICATE REQUEST")),
    "block 1 is a CERTIFICATE REQUEST, and only a CERTIFICATE is expected",
  ],
  ["a list of revoked ones", base64(labelled("X509 CRL")), "block 1 is a X509 CRL, and only a CERTIFICATE is expected"],
  ["a key", base64(key), "block 1 is a PRIVATE KEY, which must not lie beside certificates"],
  ["a key behind", base64(pem + key), "block 2 is a PRIVATE KEY, which must not lie beside certificates"],
  [
    "an older key before",
    base64(`-----BEGIN RSA PRIVATE KEY-----\nMII=\n-----END RSA PRIVATE KEY-----\n${pem}`),
    "block 1 is a RSA PRIVATE KEY, which must not lie beside certificates",
  ],
  ["a cut one", base64(pem.slice(0, 500)), "block 1 has no end"],
  ["a cut one before a good one", base64(pem.slice(0, 500) + "\n" + pem), "block 1 has no end"],
  ["an end alone", base64(pem.replace(/^.*\n/, "")), "block 1 ends as CERTIFICATE and does not begin so"],
  [
    "another end",
    base64(pem.replace("END CERTIFICATE", "END X509 CRL")),
    "block 1 ends as X509 CRL and does not begin so",
  ],
  [
    "an empty block",
    base64("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"),
    "block 1 is no certificate that can be read",
  ],
  ["a URL's base64 inside", base64(pem.replace(/[+/]/, "_")), "block 1 is no certificate that can be read"],
];

test.each(flawed)("a bundle that is %s is refused", (_, bundle, flaw) => {
  const words = "must be one or more X.509 certificates in PEM, in base64";
  expect(
    certificates
      .schema()
      .safeParse(bundle)
      .error?.issues.map(({ message }) => message),
  ).toEqual([`${words}: ${flaw}`]);
  expect(certificatesOrNone.schema().safeParse(bundle).success).toBe(false);
});

const good = [
  encoded,
  base64(pem + pem),
  base64(`# from us\n${pem}`),
  base64(`subject=CN = é\n\n${pem}\nBag Attributes\n${pem}trailing text`),
  base64(`\uFEFF${pem}`),
  base64(pem.replaceAll("\n", "\r\n")),
  base64(pem.replaceAll("\n", "\r")),
  base64(pem.replaceAll(/^/gm, "    ")),
  base64(pem.replaceAll("\n", "  \n")),
  base64(pem.trimEnd()),
  nameless,
];
testType("certificates", certificates, { accepts: good, refuses: ["", base64("\n"), "not base64!", pem, 1] });
testType("certificatesOrNone", certificatesOrNone, {
  accepts: [...good, "", base64("\n \n")],
  refuses: ["not base64!", pem],
});

test("however a bundle is written, the file of it is what the strictest reader takes", () => {
  expect(parse(sample)).toHaveProperty(["settings", "kubernetes", "cluster-certificate"], encoded);
  const strict =
    /^(?:-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{64}\n)*[A-Za-z0-9+/]{1,64}={0,2}\n-----END CERTIFICATE-----\n)+$/;
  for (const bundle of good) {
    const reading = readBundle(bundle);
    const file = bundleFile(bundle);
    expect(file).toMatch(strict);
    const again = readBundle(base64(file));
    expect(again.ok && reading.ok).toBe(true);
    if (again.ok && reading.ok) {
      expect(again.certificates.map(({ fingerprint256 }) => fingerprint256)).toEqual(
        reading.certificates.map(({ fingerprint256 }) => fingerprint256),
      );
    }
  }
});

test("any bytes come back from PEM, and any text is read or has a flaw", () => {
  assert(
    property(uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      const reading = readPem(Buffer.from(pemOf("DATA", bytes)));
      expect(reading).toEqual({ ok: true, blocks: [{ label: "DATA", body: Buffer.from(bytes).toString("base64") }] });
      expect(readBundle(Buffer.from(bytes).toString("base64")).ok).toBe(false);
    }),
  );
});

test("a key is one that can be used, and belongs to a certificate or does not", () => {
  expect(privateKey.schema().safeParse(base64(key)).success).toBe(true);
  for (const bad of [base64("hello"), encoded, ""]) expect(privateKey.schema().safeParse(bad).success).toBe(false);
  const locked = createPrivateKey(key).export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc", passphrase: "x" });
  expect(privateKey.schema().safeParse(base64(String(locked))).success).toBe(false);
  expect(isKeyOf(base64(key), encoded)).toBe(false);
});
