/**
 * Takes the secrets of this host out of texts: every value of a secret setting, whole, decoded and in its parts,
 * wherever it turns up; passwords in addresses; and private keys of anybody.
 *
 * By value, not by place: a container that prints its user data puts it into the journal.
 */
import { isJsonObject, parseJson, type Json } from "../../lib/text/json.ts";
import { isFailure } from "../../lib/failure.ts";
import type { Model, SettingsTree } from "../../settings/model/model.ts";

const masked = "(secret)";
/** Shorter texts are in everything by chance, and too short to keep a secret. */
const leastLength = 6;
/** Fields of secret settings that only say what the secret is for. */
const openFields: readonly string[] = ["registry", "username", "user"];

/** As much as a key can have in a log that writes before each line when and who. */
const keyCharactersMost = 65_536;
const keyBegin = "-----BEGIN ([A-Z ]*PRIVATE KEY)-----";
const privateKey = new RegExp(`${keyBegin}[^]{0,${keyCharactersMost}}?-----END \\1-----`, "g");
/** Of a key whose end is not there: a program died. */
const endlessKey = new RegExp(`${keyBegin}[^]{0,${keyCharactersMost}}`, "g");
const keyEnd = /-----END [A-Z ]*PRIVATE KEY-----/g;
const addressPassword = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@"']*):[^\s/@"']+@/gi;

/** A function that masks what is secret in these settings. */
export function masker(model: Model, tree: SettingsTree): (text: string) => string {
  const secrets = [...secretsIn(model, tree)].toSorted((a, b) => b.length - a.length);
  return (text) => {
    let open = withoutBeginlessKeys(text.replaceAll(privateKey, masked).replaceAll(endlessKey, masked));
    open = open.replaceAll(addressPassword, `$1:${masked}@`);
    for (const secret of secrets) open = open.replaceAll(secret, masked);
    return open;
  };
}

/** Of a key whose beginning is not there: the log was cut. Not by one expression, which would look back from everywhere. */
function withoutBeginlessKeys(text: string): string {
  let open = "";
  let at = 0;
  for (const { 0: line, index } of text.matchAll(keyEnd)) {
    open += text.slice(at, Math.max(at, index - keyCharactersMost)) + masked;
    at = index + line.length;
  }
  return open + text.slice(at);
}

/** The settings as JSON, with secret ones only named. */
export function openSettings(model: Model, tree: SettingsTree): SettingsTree {
  return model.tree(
    new Map([...model.leaves(tree)].map(([key, value]) => [key, model.isSecret(key) ? masked : value])),
  );
}

function secretsIn(model: Model, tree: SettingsTree): Set<string> {
  const secrets = new Set<string>();
  const add = (text: string): void => {
    const bare = text.trim();
    if (bare.length < leastLength || secrets.has(bare)) return;
    secrets.add(bare);
    // As it stands inside a JSON text, and in base64 as it is on the wire.
    secrets.add(JSON.stringify(bare).slice(1, -1));
    secrets.add(Buffer.from(bare).toString("base64"));
  };
  for (const [key, value] of model.leaves(tree)) {
    for (const text of textsIn(value)) for (const password of passwordsIn(text)) add(password);
    if (!model.isSecret(key)) continue;
    for (const text of textsIn(value)) {
      add(text);
      for (const part of partsOf(decoded(text))) add(part);
    }
    for (const login of loginsIn(value)) add(login);
  }
  return secrets;
}

function* textsIn(value: Json): Generator<string> {
  if (typeof value === "string") yield value;
  if (Array.isArray(value)) for (const item of value) yield* textsIn(item);
  if (isJsonObject(value)) {
    for (const [field, item] of Object.entries(value)) if (!openFields.includes(field)) yield* textsIn(item);
  }
}

/** The password of an address, which programs may say without the address: as it stands there, and what it means. */
function* passwordsIn(text: string): Generator<string> {
  const password = URL.parse(text)?.password ?? "";
  yield password;
  // A percent sign that begins nothing stands for itself, as curl and Go's proxies have it.
  yield password.replaceAll(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
    Buffer.from(bytes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

/** What a client sends for a user and a password: RFC 7617. */
function* loginsIn(value: Json): Generator<string> {
  if (!Array.isArray(value)) return;
  for (const item of value) {
    if (!isJsonObject(item)) continue;
    const { username, password } = item;
    if (typeof username === "string" && typeof password === "string") yield `${username}:${password}`;
  }
}

const decoded = (text: string): string => Buffer.from(text, "base64").toString("utf8");

/** The lines of a text, and what a JSON document says. */
function* partsOf(text: string): Generator<string> {
  // What was no base64 decodes to noise.
  if (text.includes("\uFFFD")) return;
  yield text;
  yield* text.split("\n");
  for (const [, value = ""] of text.matchAll(/[=:]\s*"?([^\s"',}\]]+)/g)) yield value;
  try {
    yield* textsIn(parseJson(text));
  } catch (error) {
    if (!isFailure(error, "bad-json")) throw error;
  }
}
