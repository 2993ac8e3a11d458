/** What goes to whoever helps must hold no secret of the host, wherever in its logs one turns up. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Json } from "../../lib/text/json.ts";
import { generateKeyPem } from "../../repo/roles/key.ts";
import { modelFor, type Model } from "../../settings/model/model.ts";
import type { SettingsTree } from "../../settings/model/tree.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { variantNamed, variants } from "../../variants/all.ts";
import { collect, pack } from "./bundle.ts";
import { requestsFor } from "./requests.ts";
import { maskerOf, type Masker } from "../masking/masker.ts";
import { secretsOfHost } from "../masking/secrets-of-host.ts";
import { archivePath, openSettings, writeArchive } from "./archive.ts";

const masker = (model: Model, settings: SettingsTree): Masker => maskerOf(secretsOfHost(model, settings));

const { signal } = new AbortController();
const base64 = (text: string): string => Buffer.from(text).toString("base64");
let host: TestSystem;
beforeEach(async () => {
  host = await testSystem();
});
afterEach(() => host[Symbol.asyncDispose]());

const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

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
  "settings.bootstrap-containers.disk.command": () => ["--verbose", `--token=${secret()}`],
  "settings.host-containers.admin.command": () => ["sh", "-c", `curl -H "X-Key: ${secret()}" example.com`],
  "settings.updates.health.containers.check.command": () => ["/bin/check", secret()],
  "settings.bootstrap-commands.first.commands": () => [["apiclient", "set", `motd=${secret()}`]],
  "settings.kubernetes.static-pods.web.manifest": () =>
    base64(
      `apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: example.com/web:v1\n    args: ["--key=${secret()}"]\n    env: [{name: PASSWORD, value: "${secret()}"}]\n`,
    ),
  "settings.kubernetes.bootstrap-token": () => "abcdef.0123456789abcdef",
  "settings.kubernetes.server-key": () => {
    const pem = generateKeyPem("ed25519");
    planted.push(...pem.split("\n").filter((line) => line !== "" && !line.startsWith("-----")));
    return base64(pem);
  },
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
  const lines = [
    raw,
    ...decodedToo,
    ...planted.map((text) => `container[7]: TOKEN=${text}, again "${text}"`),
    ...planted.map((text) => `authorization: Basic ${base64(`puller:${text}`)}`),
  ].join("\n");
  for (const program of new Set(
    requestsFor({ kind: "kubernetes", minor: "1.20" }).flatMap((request) => ("run" in request ? [request.run[0]] : [])),
  )) {
    host.programs.set(program, () => lines);
  }
}

test.each([...variants.keys()])("no secret of a %s host is in its archive", async (name) => {
  const variant = variantNamed(name);
  const model = modelFor(variant);
  // A setting that becomes secret, or a new one, belongs into the list above.
  const keys = Object.keys(secretSettings);
  const missing = model.catalogue.filter(
    ({ key, secrecy }) => secrecy === "secret" && !keys.some((secretKey) => isOf(secretKey, key)),
  );
  expect(missing).toEqual([]);

  const settings = plant(model);
  everythingTalks(settings);
  const known = { "settings.json": async () => await Promise.resolve(JSON.stringify(openSettings(model, settings))) };
  const content = await collect(host.system, requestsFor(variant.orchestrator), known, masker(model, settings), signal);
  const whole = Object.values(content).map(textOf).join("\n");
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
  expect(textOf(content["os-release"])).toBe("ID=orlop\n");
  expect(textOf(content["journal.log"])).toBe("a line\n");
  expect(textOf(content["logdog.errors"])).toContain("network: cannot run networkctl");

  const archive = new Bun.Archive(await pack("orlop-logs", content));
  const names = [...(await archive.files()).keys()];
  expect(names).toContain(join("orlop-logs", "journal.log"));
});

test("what the policy denied has a part of its own, which is there also when that is nothing", async () => {
  const denied = 'audit: type=1400 audit(1.2:3): avc:  denied  { write } for  pid=7 comm="sh"';
  const denials = async (journal: string): Promise<string> => {
    host.programs.set("journalctl", () => journal);
    const content = await collect(host.system, requestsFor({ kind: "none" }), {}, (text) => text, signal);
    return textOf(content["selinux-denials"]);
  };
  expect(await denials(`kernel: Linux version 6.12\n${denied}\nkernel: eth0: up\n`)).toBe(`${denied}\n`);
  expect(await denials("kernel: Linux version 6.12\n")).toBe("");
});

test("an archive of before is gone when there is no new one: it is not taken for what is asked for", async () => {
  await host.write(archivePath, "of before");
  const image = ["VARIANT_ID=dev", 'PRETTY_NAME="Orlop"', "VERSION_ID=0.1.0", "BUILD_ID=dafe3b16", ""];
  await host.write("/usr/lib/os-release", image.join("\n"));
  // Without the API, what is secret is not known.
  expect(await writeArchive(host.system, archivePath, signal).catch(String)).toContain("cannot talk to the host");
  expect(await host.readIfPresent(archivePath)).toBeUndefined();
});

test("a password with a percent sign that begins nothing is masked, and stops nothing", () => {
  const model = modelFor(variantNamed("dev"));
  const proxy = (password: string) => ({ network: { "https-proxy": `http://u:${password}@10.0.2.2:3128` } });
  const mask = masker(model, proxy("100%sure%2Fyes"));
  expect(mask("it said 100%sure%2Fyes and 100%sure/yes")).toBe("it said (secret) and (secret)");
  expect(masker(model, proxy("100%"))("http://u:100%@10.0.2.2:3128")).toBe("http://u:(secret)@10.0.2.2:3128");
});

describe("a part that is longer than there is room for", () => {
  const limits = { partBytes: 1000, wholeBytes: 2500 };
  const key = (type: string): string =>
    `-----BEGIN ${type}-----\n${"MIIEsecretsecretsecretsecretsecretsecretsecretsecretsecretsecret\n".repeat(30)}-----END ${type}-----\n`;
  const file = async (text: string) => {
    await host.write("/var/log/it", text);
    const requests = [{ name: "it", file: "/var/log/it" }];
    return await collect(host.system, requests, {}, masker(modelFor(variantNamed("dev")), {}), signal, limits);
  };

  test("loses its beginning, in bytes and at a character", async () => {
    expect(textOf((await file(`${"a".repeat(2000)}${"b".repeat(1000)}`))["it"])).toBe("b".repeat(1000));
    expect(textOf((await file("é".repeat(2001)))["it"])).toBe("é".repeat(500));
    expect(textOf((await file(`x${"é".repeat(500)}`))["it"])).toBe("é".repeat(500));
  });

  test.each(["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"])(
    "never ends in the middle of a %s, wherever the cut is",
    async (type) => {
      for (let after = 0; after < 3200; after += 97) {
        const text = textOf((await file(`${"before\n".repeat(300)}${key(type)}${"z".repeat(after)}`))["it"]);
        expect([after, text.includes("secretsecret")]).toEqual([after, false]);
        expect(text).toEndWith("z".repeat(Math.min(after, 500)));
      }
    },
  );

  test("nor does a key that was never written to its end, or whose beginning is long gone, go out", async () => {
    const mask = masker(modelFor(variantNamed("dev")), {});
    const whole = key("EC PRIVATE KEY");
    expect(mask(`before ${whole.slice(0, -40)}`)).toBe("before (secret)");
    expect(mask(`${whole.slice(40)}after`)).toBe("(secret)\nafter");
    expect(mask("a\n".repeat(1_000_000)).length).toBe(2_000_000); // and takes no time that grows with its square
  });

  test("a secret that lies across the cut is masked whole", async () => {
    const settings = plant(modelFor(variantNamed("dev")));
    const mask = masker(modelFor(variantNamed("dev")), settings);
    for (const text of planted) {
      for (let after = 960; after <= 1000; after += 4) {
        await host.write("/var/log/it", `${"before\n".repeat(300)}${text}${"z".repeat(after)}`);
        const content = await collect(host.system, [{ name: "it", file: "/var/log/it" }], {}, mask, signal, limits);
        expect([after, textOf(content["it"]).includes(text.slice(-8))]).toEqual([after, false]);
      }
    }
  });

  test("what a program prints is cut the same, and all parts together have a limit", async () => {
    host.programs.set("say", ([, text = ""], { outputBytesMost = 0, keepsEnd }) => {
      expect([outputBytesMost > 1000, keepsEnd]).toEqual([true, true]);
      return text.repeat(3000);
    });
    const requests = ["a", "b", "c", "d"].map((name) => ({ name, run: ["say", name] as const }));
    const content = await collect(host.system, requests, {}, (text) => text, signal, limits);
    expect(["a", "b", "c", "d"].map((name) => content[name]?.length)).toEqual([1000, 1000, 500, undefined]);
    expect(textOf(content["logdog.errors"])).toBe("d: cannot add it: the archive has 2500 bytes\n");
  });
});
