/** Images of a tools root: Debian's packages as they unpack, and a layer of what is to be there beside them. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory, workInCache } from "../packages/cache.ts";
import { machineArchitecture, openToolsRoot, type ToolsRoot } from "../packages/tools-root.ts";
import { makeLayer, makeLayout } from "./layout.ts";

export type ToolsImage = {
  packages: ToolsRoot;
  /** Fills an empty directory with what the maintainer scripts would have made, and with programs that are not Debian's. */
  furnish: (tree: string) => Promise<void>;
  /** The description of that layer in the image's history. */
  description: string;
  entrypoint: readonly string[];
  epochSeconds: number;
};

/** Makes its layout; the directory goes when the caller is done. */
export async function makeToolsImage(image: ToolsImage): Promise<AsyncDisposable & { layout: string }> {
  const { packages, furnish, description, entrypoint, epochSeconds } = image;
  await using unlessComplete = new AsyncDisposableStack();
  const { path: directory } = unlessComplete.use(await workInCache(cacheDirectory()));
  const tree = join(directory, "tree");
  await mkdir(tree);
  await furnish(tree);
  const tools = await openToolsRoot();
  const layers = [
    { directory: join(directory, "packages"), tree: packages.directory, description: "Debian packages" },
    { directory: join(directory, "own"), tree, description },
  ];
  for (const layer of layers) await makeLayer(tools, layer.directory, layer.tree, epochSeconds);
  const layout = join(directory, "layout");
  await makeLayout(layout, { layers, config: { architecture: machineArchitecture(), entrypoint }, epochSeconds });
  const layoutOwner = unlessComplete.move();
  return { layout, [Symbol.asyncDispose]: async () => await layoutOwner.disposeAsync() };
}
