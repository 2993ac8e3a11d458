import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { isJsonObject, type Json } from "../../lib/text/json.ts";

const chart = join(import.meta.dir, "orlop-fleet");

/** Names of values down to the second level, as `--set` takes them. */
function namesIn(values: Json): string[] {
  if (!isJsonObject(values)) return [];
  return Object.entries(values).flatMap(([name, value]) =>
    isJsonObject(value) && Object.keys(value).length > 0
      ? Object.keys(value).map((inner) => `${name}.${inner}`)
      : [name],
  );
}

test("the README of the chart has every value, and none that there is not", async () => {
  const values = parse(await readFile(join(chart, "values.yaml"), "utf8")) as Json;
  const readme = await readFile(join(chart, "README.md"), "utf8");
  expect([...readme.matchAll(/^\| `([\w.]+)`/gm)].map(([, name]) => name)).toEqual(namesIn(values));
});
