/**
 * Protects: a setting that is accepted does something. One that nothing of the host names has no effect, and has to say
 * so (`inert`), so that `userdata check` warns of it.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { splitKey } from "../settings/model/key.ts";
import { everyVariant, modelNamed } from "../test/worlds/host/models.ts";

const repository = join(import.meta.dir, "..");
const paths = [...new Glob("host/**/*.ts").scanSync(repository)].filter((path) => !path.endsWith(".test.ts"));
const code = (await Promise.all(paths.map(async (path) => await Bun.file(join(repository, path)).text()))).join("\n");

/** Read as a whole: each name becomes one of the runtime's. */
const asAWhole = ["settings.oci-defaults.capabilities."];

/** The last name that we chose: of `node-labels.<label>` it is node-labels. */
function ownName(key: string): string {
  const names = splitKey(key.replaceAll(/<[^>]*>/g, "any"));
  return names.findLast((name) => name !== "any") ?? "";
}

/** One that cannot be built yet has no program to serve its settings. */
const built = everyVariant.filter(({ lacks }) => lacks === undefined);

test.each(built)("every setting of $name is named by the host, or says why it has no effect", ({ name }) => {
  const unnamed = modelNamed(name)
    .catalogue.filter(({ key, inert }) => inert === undefined && !asAWhole.some((group) => key.startsWith(group)))
    .filter(({ key }) => !new RegExp(`(?<![\\w-])${ownName(key)}(?![\\w-])`).test(code));
  expect(unnamed.map(({ key }) => key)).toEqual([]);
});
