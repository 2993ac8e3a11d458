/**
 * What of a value only administrators see. It belongs to the type, so that whatever is declared with a type has it.
 *
 * The API's answers, messages about wrong values and support archives all ask here.
 */
import { mapTexts } from "../../lib/text/texts.ts";

/** All of it may be seen; all but what URLs in it carry beside a place; nothing. */
export type Secrecy = "open" | "address" | "secret";

/** Stands for what is not shown. */
export const masked = "(secret)";

/** What everybody may see of a value. */
export function visiblePart<Value>(secrecy: Secrecy, value: Value): Value | string {
  if (secrecy === "open") return value;
  return secrecy === "secret" ? masked : mapTexts(value, visibleAddress);
}

/** The same of values by full key. */
export function withoutSecrets<Value>(
  model: { secrecy(key: string): Secrecy },
  values: ReadonlyMap<string, Value>,
): Map<string, Value | string> {
  return new Map([...values].map(([key, value]) => [key, visiblePart(model.secrecy(key), value)]));
}

/** Scheme, user and password, place, query, fragment: RFC 3986, 3. A browser takes the last @ before the path. */
const parts = /^([a-z][a-z0-9+.-]*:\/\/)?(?:([^/?#]*)@)?([^?#]*)(\?[^#]*)?(#.*)?$/is;

/** A URL without user and password, query and fragment: any of them may be what lets its owner in. */
export function visibleAddress(address: string): string {
  const [, scheme = "", user, place = "", query, fragment] = parts.exec(address) ?? [];
  return [
    scheme,
    user === undefined ? "" : `${masked}@`,
    place,
    query === undefined ? "" : `?${masked}`,
    fragment === undefined ? "" : `#${masked}`,
  ].join("");
}
