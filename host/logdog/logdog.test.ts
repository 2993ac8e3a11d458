/** What goes to whoever helps must hold no secret of the host, wherever in its logs one turns up. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { Json } from "../../lib/json.ts";
import { modelFor, type Model } from "../../settings/model.ts";
import type { SettingsTree } from "../../settings/tree.ts";
import { testSystem, type TestSystem } from "../../test/system.ts";
import { variantNamed, variants } from "../../variants/all.ts";
import { collect, pack } from "./bundle.ts";
import { requestsFor } from "./requests.ts";
import { masker, openSettings } from "./secrets.ts";

const { signal } = new AbortController();
const base64 = (text: string): string => Buffer.from(text).toString("base64");
let host: TestSystem;
beforeEach(async () => {
  host = await testSystem();
});
afterEach(() => host[Symbol.asyncDispose]());

let planted: string[];
/** A secret that nothing else holds. */
function secret(): string {
  const text = `s3cret-${crypto.randomUUID()}`;
  planted.push(text);
  return text;
}
const userData = (): string =>
  base64(`{"user":"ops","password-hash":"${secret()}","nested":[{"token":"${secret()}"}]}`);

/** Every setting that holds a secret, in every shape that people use. */
const secretSettings: Readonly<Record<string, () => Json>> = {
  "settings.network.https-proxy": () => `https://proxyuser:${secret()}@proxy.example.com:3129`,
  "settings.host-containers.admin.user-data": userData,
  "settings.host-containers.other.user-data": () => base64(`#!/bin/sh\nexport API_TOKEN=${secret()}\n${secret()}\n`),
  "settings.bootstrap-containers.disk.user-data": userData,
  "settings.container-registry.credentials": () => [
    { registry: "one.example.com", username: "puller", password: secret() },
    { registry: "two.example.com", auth: base64(`puller:${secret()}`) },
    { registry: "three.example.com", identitytoken: secret() },
  ],
  "settings.aws.config": () => base64(`[default]\nsso_token = ${secret()}\n`),
  "settings.aws.credentials": () => base64(`[default]\naws_secret_access_key = ${secret()}\n`),
  "settings.kubernetes.bootstrap-token": () => "abcdef.0123456789abcdef",
  "settings.kubernetes.server-key": () =>
    base64(`-----BEGIN PRIVATE KEY-----\n${secret()}\n-----END PRIVATE KEY-----\n`),
  "settings.kubernetes.credential-providers.one.environment.TOKEN": secret,
};

/** Those that a variant has. */
function plant(model: Model): SettingsTree {
  planted = [];
  const leaves = Object.entries(secretSettings).filter(([key]) => model.hasPrefix(key));
  const parsed = model.parse(model.tree(new Map(leaves.map(([key, value]) => [key, value()]))));
  if (!parsed.ok) throw new Error(parsed.problems.map(({ key, message }) => `${key}: ${message}`).join("\n"));
  return parsed.value;
}

/** Every program of this machine says everything that is secret, in all the ways that logs have. */
function everythingTalks(settings: SettingsTree): void {
  const raw = JSON.stringify(settings);
  const decodedToo = [...raw.matchAll(/"([A-Za-z0-9+/=]{16,})"/g)].map(([, text = ""]) =>
    Buffer.from(text, "base64").toString(),
  );
  const said = [
    raw,
    ...decodedToo,
    ...planted.map((text) => `container[7]: TOKEN=${text}, again "${text}"`),
    ...planted.map((text) => `authorization: Basic ${base64(`puller:${text}`)}`),
  ].join("\n");
  for (const program of new Set(
    requestsFor({ kind: "kubernetes", minor: "1.20" }).flatMap((request) => ("run" in request ? [request.run[0]] : [])),
  )) {
    host.programs.set(program, () => said);
  }
}

test.each([...variants.keys()])("no secret of a %s host is in its archive", async (name) => {
  const variant = variantNamed(name);
  const model = modelFor(variant);
  // A setting that becomes secret, or a new one, belongs into the list above.
  const keys = Object.keys(secretSettings);
  const missing = model.catalogue.filter(
    ({ key, secret: isSecret }) => isSecret && !keys.some((own) => isOf(own, key)),
  );
  expect(missing).toEqual([]);

  const settings = plant(model);
  everythingTalks(settings);
  const known = { "settings.json": async () => await Promise.resolve(JSON.stringify(openSettings(model, settings))) };
  const content = await collect(host.system, requestsFor(variant.orchestrator), known, masker(model, settings), signal);
  const whole = Object.values(content).join("\n");
  expect(whole.length).toBeGreaterThan(1000);
  expect(planted.length).toBeGreaterThan(5);
  expect([...planted, "0123456789abcdef"].filter((text) => whole.includes(text))).toEqual([]);
});

/** "settings.a.x.b" is of "settings.a.<name>.b" */
function isOf(key: string, declared: string): boolean {
  const pattern = declared.replaceAll(".", "\\.").replaceAll(/<[^>]+>/g, "[^.]+");
  return new RegExp(`^${pattern}$`).test(key);
}

test("what is no secret stays readable", () => {
  const model = modelFor(variantNamed("dev"));
  const settings = { ...plant(model), motd: "hello there" };
  expect(JSON.stringify(openSettings(model, settings))).toContain("hello there");
  const mask = masker(model, settings);
  expect(mask("pulling one.example.com/app:v1 as puller")).toBe("pulling one.example.com/app:v1 as puller");
  expect(mask("via https://me:hunter2@proxy:3128/")).toBe("via https://me:(secret)@proxy:3128/");
});

test("what cannot be had is told in the archive, and the rest is there", async () => {
  await host.write("/usr/lib/os-release", "ID=orlop\n");
  host.programs.set("journalctl", () => "a line\n");
  const content = await collect(host.system, requestsFor({ kind: "none" }), {}, (text) => text, signal);
  expect(content["os-release"]).toBe("ID=orlop\n");
  expect(content["journal.log"]).toBe("a line\n");
  expect(content["logdog.errors"]).toContain("network: cannot run networkctl");

  const archive = new Bun.Archive(await pack("orlop-logs", content));
  const names = [...(await archive.files()).keys()];
  expect(names).toContain(join("orlop-logs", "journal.log"));
});
