/** Who owns which name of a type: a reader who has met it once knows it everywhere. */

const declaration = /^export (?:declare )?(?:abstract )?(?:type|interface|class) (\w+)/gm;

/** Names that more than one of the files declares for others, each with those files. */
export function sharedTypeNames(sources: ReadonlyMap<string, string>): string[] {
  const owners = new Map<string, string[]>();
  for (const [file, source] of sources) {
    for (const [, name = ""] of source.matchAll(declaration)) owners.set(name, [...(owners.get(name) ?? []), file]);
  }
  return [...owners].flatMap(([name, files]) => (files.length < 2 ? [] : [`${name}: ${files.join(", ")}`])).toSorted();
}
