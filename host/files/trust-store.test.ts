import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { trustedBundle } from "./trust-store.ts";

const pem = readFileSync(join(import.meta.dir, "../../test/golden/image-certificates.pem"), "latin1");
const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const [first = "", second = ""] = pem.match(block) ?? [];

const encoded = (text: string): string => Buffer.from(text).toString("base64");
const subjects = (bundle: string | undefined): string[] =>
  (bundle?.match(block) ?? []).map((text) => new X509Certificate(text).subject);

test("without certificates of its own a host uses the image's bundle as it is", () => {
  expect(trustedBundle(pem, {})).toBeUndefined();
  expect(
    trustedBundle(pem, { blank: { data: encoded(" \n"), trusted: true }, none: { trusted: true } }),
  ).toBeUndefined();
});

test("a trusted certificate is added once, under its subject", () => {
  const bundle = trustedBundle(first, {
    one: { data: encoded(second), trusted: true },
    again: { data: encoded(second), trusted: true },
  });
  expect(subjects(bundle)).toEqual(["CN=Image Root", "CN=Distrusted Root"]);
  expect(bundle).toContain("\n# CN=Distrusted Root\n-----BEGIN");
});

test("a distrusted certificate is taken out, however it is wrapped", () => {
  const rewrapped = second.replaceAll("\n", "\r\n").replace(/(?<=[A-Za-z0-9]{40})\r\n/, "");
  const bundle = trustedBundle(pem, { bad: { data: encoded(`some text\n${rewrapped}\n`), trusted: false } });
  expect(subjects(bundle)).toEqual(["CN=Image Root"]);
});

test("a certificate that is both trusted and distrusted is not trusted", () => {
  const both = { yes: { data: encoded(second), trusted: true }, no: { data: encoded(second), trusted: false } };
  expect(subjects(trustedBundle(first, both))).toEqual(["CN=Image Root"]);
});
