/** A file of the page, as it is served. */
export type PageFile = { type: string; text: string };
/** By name, relative to the page. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** How all of them are called in the executable that carries them: see `packed` of `bundle.ts`. */
export const packedName = "console-page.gz";
