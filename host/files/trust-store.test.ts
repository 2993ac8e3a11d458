import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import type { Settings } from "../../settings/model/model.ts";
import { trustedBundle, trustStore } from "./trust-store.ts";

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

const nameless =
  /data = "(.*)"/.exec(readFileSync(join(import.meta.dir, "../../settings/samples/pki.toml"), "utf8"))?.[1] ?? "";

test("a certificate without a subject is added like every other", () => {
  const bundle = trustedBundle(first, {
    leaf: { data: nameless, trusted: true },
    other: { data: encoded(second), trusted: true },
  });
  expect(bundle?.match(block)).toHaveLength(3);
  expect(bundle).toContain("\n# a certificate without a subject\n-----BEGIN CERTIFICATE-----\n");
  expect(bundle).toContain("\n# CN=Distrusted Root\n-----BEGIN CERTIFICATE-----\n");
});

test("a bundle that cannot be used takes no other with it, and is told", () => {
  const label = second.replaceAll("CERTIFICATE", "TRUSTED CERTIFICATE");
  const pki = {
    good: { data: encoded(second), trusted: true },
    odd: { data: encoded(label), trusted: true },
    bad: { data: encoded("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), trusted: false },
    none: { data: encoded("\n"), trusted: true },
  };
  expect(subjects(trustedBundle(first, pki))).toEqual(["CN=Image Root", "CN=Distrusted Root"]);
  const settings: Settings = { ...settingsOf(), pki };
  expect(trustStore.warnings?.(settings)).toEqual([
    expect.stringMatching(/^settings\.pki\.odd is not trusted: block 1 is a TRUSTED CERTIFICATE/),
    "settings.pki.bad is not distrusted: block 1 is no certificate that can be read",
  ]);
  expect(trustStore.warnings?.(settingsOf())).toEqual([]);
  expect(trustStore.render(settings, factsOf("dev", { certificates: first })).length).toBe(3);
});

test("however it is written, a certificate lies in the store as every reader takes it", () => {
  for (const text of [second.replaceAll("\n", "\r\n"), second.replaceAll(/^/gm, "  "), `note\n${second}\ntail`]) {
    const bundle = trustedBundle(first, { own: { data: encoded(text), trusted: true } });
    expect(bundle?.split("\n")).toContain("-----BEGIN CERTIFICATE-----");
    expect(bundle).not.toMatch(/\r|^ |note|tail/m);
    expect(subjects(bundle)).toEqual(["CN=Image Root", "CN=Distrusted Root"]);
  }
});
