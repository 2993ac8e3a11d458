/** Which texts are secret because of what settings say: every secret value, whole, decoded and in its parts. */
import { isJsonObject, parseJson, type Json } from "../../lib/text/json.ts";
import { isFailure } from "../../lib/failure.ts";
import type { Secrecy } from "../../settings/model/secrecy.ts";
import { leastLength } from "./masker.ts";
import { tellingParts } from "./telling.ts";

/** Fields of secret settings that only say what the secret is for. */
const openFields: readonly string[] = ["registry", "username", "user"];

/** Texts that give the value of a setting away; none of an open one. */
export function secretTexts(secrecy: Secrecy, value: Json): Set<string> {
  const secrets = new Set<string>();
  if (secrecy === "open") return secrets;
  const add = (text: string): void => {
    const bare = text.trim();
    // Shorter texts are in everything by chance, and too short to keep a secret.
    if (bare.length < leastLength || secrets.has(bare)) return;
    secrets.add(bare);
    // As it stands inside a JSON text, and in base64 as it is on the wire.
    secrets.add(JSON.stringify(bare).slice(1, -1));
    const onTheWire = Buffer.from(bare).toString("base64");
    secrets.add(onTheWire).add(onTheWire.replace(/=+$/, ""));
  };
  for (const { text, place } of textsIn(value)) {
    if (secrecy !== "secret" || isUrl(text)) for (const part of credentialsIn(text)) add(part);
    if (secrecy !== "secret") continue;
    for (const part of partsOf(text)) add(part);
    if (isWhole(text, place)) add(text);
  }
  // "--password" says what the next word is.
  if (secrecy === "secret") for (const part of tellingParts(wordsOf(value))) add(part);
  if (secrecy === "secret") for (const login of loginsIn(value)) add(login);
  return secrets;
}

/**
 * A file in base64 counts line by line. Whatever else there is, a token or the arguments of a program, counts whole, and in
 * those of its parts that look like a secret: an archive without the names of programs helps nobody.
 */
function* partsOf(text: string): Generator<string> {
  const file = text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? decoded(text) : undefined;
  const isFile = file !== undefined && !file.includes("\uFFFD");
  if (isFile && isManifest(file)) {
    yield text;
    yield* tellingParts(file);
  } else if (isFile) {
    yield text;
    yield* linesOf(file);
  } else {
    yield* wholeIfTelling(text);
    yield* tellingParts(text);
  }
}

const wordsOf = (value: Json): string =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string").join(" ") : "";

const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
const isManifest = (text: string): boolean => /\bkind\b["']?\s*:\s*["']?Pod\b/.test(text);

/** One word of a command line says what runs, such as "--verbose" or "/usr/bin/check". */
function* wholeIfTelling(text: string): Generator<string> {
  if (!/^-{0,2}[a-z/][a-z/._-]*$/i.test(text)) yield text;
}

/** Where a text stands in the value of a setting: a field of a login, a word of a command line, or it is the value. */
type Place = "field" | "word" | "value";

function* textsIn(value: Json, place: Place = "value"): Generator<{ text: string; place: Place }> {
  if (typeof value === "string") yield { text: value, place };
  if (Array.isArray(value)) for (const item of value) yield* textsIn(item, "word");
  if (isJsonObject(value)) {
    for (const [field, item] of Object.entries(value)) if (!openFields.includes(field)) yield* textsIn(item, "field");
  }
}

/** Shorter values of variables are words such as "default", which are everywhere. */
const leastValueLength = 8;

/**
 * Whether a text is a secret whatever it looks like. A password may be nothing but letters and dashes, as names of programs
 * are; those stand in command lines, and in variables as paths.
 */
function isWhole(text: string, place: Place): boolean {
  if (place === "value") return text.length >= leastValueLength && !/^\/[a-z/._-]*$/i.test(text);
  return place === "field";
}

/** What an address has beside the place, which programs may say without it: as it stands there, and what it means. */
function* credentialsIn(text: string): Generator<string> {
  const url = URL.parse(text);
  if (url === null) return;
  const { password, username, search, hash } = url;
  const values = [...url.searchParams.values()];
  for (const part of [password === "" ? username : password, search.slice(1), hash.slice(1), ...values]) {
    yield part;
    // A percent sign that begins nothing stands for itself, as curl and Go's proxies have it.
    yield part.replaceAll(/(?:%[0-9a-f]{2})+/gi, (bytes) =>
      Buffer.from(bytes.replaceAll("%", ""), "hex").toString("utf8"),
    );
  }
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
function* linesOf(text: string): Generator<string> {
  yield text;
  yield* text.split("\n");
  for (const [, value = ""] of text.matchAll(/[=:]\s*"?([^\s"',}\]]+)/g)) yield value;
  try {
    for (const part of textsIn(parseJson(text))) yield part.text;
  } catch (error) {
    if (!isFailure(error, "bad-json")) throw error;
  }
}
