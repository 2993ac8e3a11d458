/** Which words of a command line, a script or a manifest may be passwords and tokens: nobody says which are. */

const leastLength = 8;
const mark = /[\s"'`,;{}[\]()<>|&]+/;

export function* tellingParts(text: string): Generator<string> {
  for (const word of text.split(mark)) {
    const [name = "", ...values] = word.split(/=(?=[^=])/);
    const value = values.join("=");
    if (value === "") yield* ifTelling(name);
    else if (isCalledSecret.test(name)) yield value;
    else yield* ifTelling(value);
  }
  // A value that stands behind its name: "password: hunter2", "value: hunter2" of a container's variable. A name is looked at
  // from where it begins alone, or long ones without an end would take for ever.
  for (const [, value = ""] of text.matchAll(
    /(?<![\w-])[\w-]*(?:value|secret|token|passw(?:or)?d|key)["']?[:\s]\s*["']?([^\s"',}\]]+)/gi,
  )) {
    if (value.length >= leastLength || /\d/.test(value)) yield value;
  }
}

const isCalledSecret = /secret|token|passw(?:or)?d|key$/i;

/** Letters and digits in one long word; no path, address, image, amount or version. */
function* ifTelling(word: string): Generator<string> {
  if (word.length < leastLength || !/\d/.test(word) || !/[A-Za-z]/.test(word)) return;
  if (/^[-./]/.test(word) || /^v?\d+(?:\.\d+)*[A-Za-z]{0,3}$/.test(word) || /^[^/]*\.[^/]*\//.test(word)) return;
  yield word;
}
