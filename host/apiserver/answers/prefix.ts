/** Parts of what is asked for by the beginning of their names. */

/** Entries whose name behind `root` starts with the prefix, which may also be a beginning of the root. */
export function startingWith<Value>(
  entries: Readonly<Record<string, Value>>,
  root: string,
  prefix: string,
): Record<string, Value> {
  return Object.fromEntries(Object.entries(entries).filter(([name]) => `${root}${name}`.startsWith(prefix)));
}

export function withRoot(prefix: string, root: string): string {
  return prefix.startsWith(root) || root.startsWith(prefix) ? prefix : `${root}${prefix}`;
}
