/**
 * Order of Debian package versions. Source: Debian Policy 5.6.12, deb-version(7).
 *
 * A version is `[epoch:]upstream[-revision]`. Upstream and revision are compared in turns: the longest start without
 * digits by a modified ASCII order ("~" before everything, even the end; letters before other characters), then the
 * longest start of digits as a number.
 */
export type Relation = "<<" | "<=" | "=" | ">=" | ">>";

/** Negative when `left` is older than `right`, 0 when they are equal, positive when it is newer. */
export function compareVersions(left: string, right: string): number {
  const a = split(left);
  const b = split(right);
  return a.epoch - b.epoch || comparePart(a.upstream, b.upstream) || comparePart(a.revision, b.revision);
}

/** Whether `version` stands in `relation` to `bound`, as in `Depends: name (>= bound)`. */
export function satisfies(version: string, relation: Relation, bound: string): boolean {
  const order = compareVersions(version, bound);
  switch (relation) {
    case "<<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    case ">=":
      return order >= 0;
    case ">>":
      return order > 0;
  }
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon === -1 ? 0 : Number(version.slice(0, colon)),
    upstream: dash === -1 ? rest : rest.slice(0, dash),
    revision: dash === -1 ? "" : rest.slice(dash + 1),
  };
}

function comparePart(left: string, right: string): number {
  let a = 0;
  let b = 0;
  while (a < left.length || b < right.length) {
    while ((a < left.length && !isDigit(left, a)) || (b < right.length && !isDigit(right, b))) {
      const order = weight(left, a) - weight(right, b);
      if (order !== 0) return order;
      a++;
      b++;
    }
    const [numberLeft, endLeft] = digits(left, a);
    const [numberRight, endRight] = digits(right, b);
    // Compared as text of equal length, because numbers of any size are allowed.
    if (numberLeft.length !== numberRight.length) return numberLeft.length - numberRight.length;
    if (numberLeft !== numberRight) return numberLeft < numberRight ? -1 : 1;
    a = endLeft;
    b = endRight;
  }
  return 0;
}

/** Digits and the end of the text weigh 0, so that "~" (-1) comes before the end and all else after it. */
function weight(text: string, at: number): number {
  if (at >= text.length || isDigit(text, at)) return 0;
  const code = text.charCodeAt(at);
  if (text[at] === "~") return -1;
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter ? code : code + 256;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

function digits(text: string, from: number): [withoutLeadingZeros: string, end: number] {
  let end = from;
  while (end < text.length && isDigit(text, end)) end++;
  return [text.slice(from, end).replace(/^0+/, ""), end];
}
