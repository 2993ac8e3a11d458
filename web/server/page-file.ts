/** A file of a page, as it is served. */
export type PageFile = { type: string; text: string };
/** By name, relative to the page. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** What a page is bundled from. */
export type PageSource = {
  /** "host-page": how its bundle is called in the executable that carries it. */
  name: string;
  /** Where its scripts and its style are. */
  directory: string;
  /** Scripts and styles that the page asks for by name. */
  entries: readonly string[];
};

/** All files of a page as one: see `packed` of `bundle.ts`. */
export const packedName = ({ name }: PageSource): string => `${name}.gz`;
