/** Every setting in a list: for help, the settings page and completion. */
import { isJsonObject, type Json } from "../lib/json.ts";
import { joinKey, root } from "./key.ts";
import type { Minor, Node, Setting } from "./setting.ts";

export type CatalogueEntry = {
  /** With `<name>` for what the user chooses: `settings.host-containers.<name>.source`. */
  key: string;
  group: string;
  /** What it accepts, completing "must be". */
  type: string;
  doc: string;
  default?: Json;
  example?: Json;
  since?: Minor;
  secret: boolean;
};

export function catalogueOf(declaration: Node, defaults: unknown): CatalogueEntry[] {
  const entries: CatalogueEntry[] = [];
  const visit = (node: Node, key: string, group: string, given: unknown, since: Minor | undefined): void => {
    switch (node.kind) {
      case "setting":
        entries.push(entryOf(node, key, group, given, node.since ?? since));
        break;
      case "map":
        visit(node.entry, `${key}.<${node.placeholder}>`, group, undefined, node.since ?? since);
        break;
      case "table":
        for (const [name, child] of Object.entries(node.children)) {
          const inner = isJsonObject(given) ? given[name] : undefined;
          visit(child, `${key}.${joinKey([name])}`, group === "" ? name : group, inner, since);
        }
        break;
    }
  };
  visit(declaration, root, "", defaults, undefined);
  return entries;
}

function entryOf(
  setting: Setting,
  key: string,
  group: string,
  given: unknown,
  since: Minor | undefined,
): CatalogueEntry {
  const entry: CatalogueEntry = { key, group, type: setting.type.words, doc: setting.doc, secret: setting.secret };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a variant's defaults are typed like the setting
  const standard = (given as Json | undefined) ?? setting.default;
  if (standard !== undefined) entry.default = standard;
  if (setting.example !== undefined) entry.example = setting.example;
  if (since !== undefined) entry.since = since;
  return entry;
}
