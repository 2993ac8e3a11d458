/** Where the parts of a document stand in its text. */

/** Both counted from 1; columns count UTF-16 units, as editors do. */
export type Position = { line: number; column: number };

export type Places = {
  /** Where the name of this part starts; the document and items of lists have none. */
  name: Position | undefined;
  value: Position;
  /** By key, or by index as text. */
  inner: Map<string, Places>;
};

/** The place of the part that `path` leads to, or of the innermost one on the way that the document has. */
export function placeOf(places: Places, path: readonly PropertyKey[], which: "name" | "value"): Position {
  let at = places;
  for (const step of path) {
    const next = at.inner.get(String(step));
    if (next === undefined) return at.name ?? at.value;
    at = next;
  }
  return which === "name" ? (at.name ?? at.value) : at.value;
}

/** Turns offsets into positions; the text is searched for line ends once. */
export function positionsIn(text: string): (offset: number) => Position {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
