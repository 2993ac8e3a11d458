/** Each piece of advice is seen; one without a case here fails the last test. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { TestAuthority } from "../../test/worlds/network/certificates.ts";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { advice } from "./advice.ts";
import { checkDocument } from "../document/check.ts";

type Case = { rule: string; variant: string; document: string; now?: Date; messages: string[] };

const authority = await TestAuthority.make("Example CA");
const leaf = (await authority.client({ names: ["alice"] })).certificate;
const bundle = (pem: string): string => `data = "${Buffer.from(pem).toString("base64")}"\ntrusted = true\n`;
/** In force from 2026-11-29 to 2027-03-09. */
const nameless = await Bun.file(join(import.meta.dir, "../samples/pki.toml")).text();

const misspelt = Buffer.from(
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a" },
    spec: { containers: [{ name: "a", image: "a" }], hostnetwork: true },
  }),
).toString("base64");

const cases: Case[] = [
  {
    rule: "an enabled host container has an image",
    variant: "metal-k8s-1.35",
    document: "[settings.host-containers.admin]\nenabled = true\n[settings.host-containers.tool]\nenabled = true\n",
    messages: ["settings.host-containers.tool.source is not set, so the container does not run"],
  },
  {
    rule: "a node with an AWS role knows its region",
    variant: "vmware-k8s-1.35",
    document: await Bun.file(join(import.meta.dir, "../samples/hybrid.toml")).text(),
    messages: ["settings.aws.region is not set, and only on EC2 does a node find it: it gets no token for its cluster"],
  },
  {
    rule: "an EC2 instance names nodes on EC2",
    variant: "metal-k8s-1.35",
    document: '[settings.kubernetes]\nhostname-override-source = "instance-id"\n',
    messages: [
      "settings.kubernetes.hostname-override-source has no effect: only a node on EC2 is named by its instance",
    ],
  },
  {
    rule: "a system extension has a repository to come from",
    variant: "dev",
    document: "[settings.extensions]\ntools.enabled = true\n",
    messages: [
      "settings.updates.metadata-base-url is not set, and only an image built with --update-url knows where extensions are without it",
    ],
  },
  {
    rule: "a certificate is in force",
    variant: "dev",
    document: nameless,
    now: new Date("2027-06-01T00:00:00Z"),
    messages: ["settings.pki.leaf.data has certificate 1 without a subject, which expired at 2027-03-09T20:15:48.000Z"],
  },
  {
    rule: "a certificate is in force",
    variant: "dev",
    document: nameless,
    now: new Date("2026-06-01T00:00:00Z"),
    messages: [
      "settings.pki.leaf.data has certificate 1 without a subject, which is not in force before 2026-11-29T20:15:48.000Z",
    ],
  },
  {
    rule: "an authority is marked as one",
    variant: "metal-k8s-1.35",
    document: `[settings.pki.own]\n${bundle(`${authority.pem}\n${leaf}`)}[settings.api.remote.client-cas]\nours = "${Buffer.from(leaf).toString("base64")}"\n`,
    messages: [
      "settings.pki.own.data has certificate 2 (CN=alice), which is no authority: many programs do not trust what it signed",
      "settings.api.remote.client-cas.ours has certificate 1 (CN=alice), which is no authority: many programs do not trust what it signed",
    ],
  },
  {
    rule: "a bundle has each certificate once",
    variant: "dev",
    document: `[settings.pki.own]\n${bundle(`${authority.pem}\n${authority.pem}`)}`,
    messages: ["settings.pki.own.data has certificate 2 (CN=Example CA) twice: number 1 is the same"],
  },
  {
    rule: "a static pod has only fields that kubelet knows",
    variant: "metal-k8s-1.35",
    document: `[settings.kubernetes.static-pods.a]\nmanifest = "${misspelt}"\n`,
    messages: [
      "settings.kubernetes.static-pods.a.manifest has what kubelet leaves out: line 1, column 119: spec.hostnetwork is no field of Kubernetes 1.35; did you mean hostNetwork?",
    ],
  },
];

test.each(cases)("$rule: $messages.0", ({ variant, document, now, messages }) => {
  const report = checkDocument(document, modelNamed(variant), now);
  expect(report).toMatchObject({ valid: true, problems: [] });
  expect(report.warnings.map(({ message }) => message)).toEqual(messages);
  expect(report.warnings.every(({ line, column }) => line !== undefined && column !== undefined)).toBe(true);
});

test("of a certificate in force, and of one that is distrusted, there is nothing to say", () => {
  const now = new Date("2027-01-01T00:00:00Z");
  expect(checkDocument(nameless, modelNamed("dev"), now).warnings).toEqual([]);
  const distrusted = nameless.replace("trusted = true", "trusted = false");
  expect(checkDocument(distrusted, modelNamed("dev"), new Date("2030-01-01T00:00:00Z")).warnings).toEqual([]);
});

test("where the variant has an image for it, there is nothing to say", () => {
  const document = "[settings.host-containers.admin]\nenabled = true\n";
  expect(checkDocument(document, modelNamed("dev")).warnings).toEqual([]);
});

test("every piece of advice has a case above", () => {
  expect([...new Set(cases.map(({ rule }) => rule))].toSorted()).toEqual(advice.map(({ name }) => name).toSorted());
});
