/** What GNU tar lists of each member while it unpacks: the one source for modes and owners of a package's files. */

export type TarEntry = {
  /** Without a slash at either end: "usr/bin/ls". */
  path: string;
  type: "file" | "directory" | "symlink" | "hardlink" | "device";
  /** As in `ls -l`, without the first letter: "rwxr-xr-x". */
  permissions: string;
  /** "0/0": numbers of user and group. */
  owner: string;
  bytes: number;
  /** Of links: where they lead, as written in the package. */
  target?: string;
};

/** Makes tar print a line for each member, in a form that can be read back whatever the member's name is. */
export const listingOptions = ["--verbose", "--verbose", "--full-time", "--quoting-style=escape"] as const;

/** Reads the lines, without the one for the archive's own root. */
export function parseListing(listing: string): TarEntry[] {
  return listing
    .split("\n")
    .filter((line) => line !== "")
    .map(parseEntry)
    .filter(({ path }) => path !== "");
}

/** A line of `tar --list --verbose --full-time`: "-rwxr-xr-x 0/0   1234 2025-05-01 12:00:00 ./usr/bin/x". */
function parseEntry(line: string): TarEntry {
  const match = /^([-dlhbcp])(\S{9})\S* (\S+) +(\d+|\d+,\d+) \S+ \S+ (.*)$/.exec(line);
  const [, letter, permissions, owner, size, rest] = match ?? [];
  if (letter === undefined || permissions === undefined || owner === undefined || rest === undefined) {
    throw new Error(`bug: tar listed ${JSON.stringify(line)}`);
  }
  const type = entryType(letter);
  const separator = type === "symlink" ? " -> " : type === "hardlink" ? " link to " : undefined;
  const at = separator === undefined ? -1 : rest.indexOf(separator);
  const path = unescape(at === -1 ? rest : rest.slice(0, at))
    .replace(/^\.\/?/, "")
    .replace(/\/$/, "");
  const target = separator === undefined || at === -1 ? {} : { target: unescape(rest.slice(at + separator.length)) };
  return { path, type, permissions, owner, bytes: Number(size) || 0, ...target };
}

function entryType(letter: string): TarEntry["type"] {
  switch (letter) {
    case "-":
      return "file";
    case "d":
      return "directory";
    case "l":
      return "symlink";
    case "h":
      return "hardlink";
    default:
      return "device";
  }
}

/** Undoes tar's `--quoting-style=escape`. */
function unescape(text: string): string {
  if (!text.includes("\\")) return text;
  const bytes: number[] = [];
  const source = Buffer.from(text, "utf8");
  const named: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11, "\\": 92, " ": 32 };
  for (let at = 0; at < source.length; at++) {
    const byte = source[at] ?? 0;
    if (byte !== 92) {
      bytes.push(byte);
      continue;
    }
    const octal = /^[0-7]{3}/.exec(source.subarray(at + 1, at + 4).toString("latin1"))?.[0];
    if (octal === undefined) {
      const next = String.fromCharCode(source[at + 1] ?? 92);
      bytes.push(named[next] ?? next.charCodeAt(0));
      at += 1;
    } else {
      bytes.push(Number.parseInt(octal, 8));
      at += 3;
    }
  }
  return Buffer.from(bytes).toString("utf8");
}
