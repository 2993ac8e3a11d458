/** Every setting in a list: for help, the settings page and completion. */
import { defined } from "../../lib/defined.ts";
import { isJsonObject, type Json } from "../../lib/text/json.ts";
import { joinKey, root } from "../model/key.ts";
import type { Secrecy } from "../model/secrecy.ts";
import type { Minor, SettingNode, Setting } from "../model/setting.ts";

export type CatalogueEntry = {
  /** With `<name>` for what the user chooses: `settings.host-containers.<name>.source`. */
  key: string;
  group: string;
  /** What it accepts, completing "must be". */
  type: string;
  /** The values of an enumeration. */
  values?: readonly string[];
  /** What the tables around it are about, as far as the group does not say it. */
  about: string;
  doc: string;
  /** What each `<name>` in the key must be. */
  names: readonly { placeholder: string; type: string }[];
  default?: Json;
  example?: Json;
  since?: Minor;
  /** Why it has no effect. */
  inert?: string;
  /** What of its value only administrators see. */
  secrecy: Secrecy;
};

type Place = Pick<CatalogueEntry, "key" | "group" | "names" | "about"> & { since: Minor | undefined };

export function catalogueOf(declaration: SettingNode, defaults: Json): CatalogueEntry[] {
  const entries: CatalogueEntry[] = [];
  const visit = (node: SettingNode, place: Place, variantDefault: Json | undefined): void => {
    const since = place.since ?? (node.kind === "table" ? undefined : node.since);
    if (node.kind === "setting") {
      entries.push(entryOf(node, { ...place, since }, variantDefault));
    } else if (node.kind === "map") {
      const key = `${place.key}.<${node.placeholder}>`;
      const names = [...place.names, { placeholder: node.placeholder, type: node.name.words }];
      // The doc of an entry's table only says that it is one of the map's.
      visit(node.entry, { ...place, key, names, since }, undefined);
    } else {
      for (const [name, child] of Object.entries(node.children)) {
        const isGroup = place.group === "";
        const about = isGroup || child.kind === "setting" ? place.about : `${place.about}${child.doc} `;
        const inner = { ...place, key: `${place.key}.${joinKey([name])}`, group: isGroup ? name : place.group, about };
        visit(child, inner, isJsonObject(variantDefault) ? variantDefault[name] : undefined);
      }
    }
  };
  visit(declaration, { key: root, group: "", names: [], about: "", since: undefined }, defaults);
  return entries;
}

function entryOf(
  setting: Setting,
  { key, group, names, about, since }: Place,
  variantDefault: Json | undefined,
): CatalogueEntry {
  const { type, doc, example, inert } = setting;
  const standard = variantDefault ?? setting.default;
  return {
    key,
    group,
    type: type.words,
    ...defined({ values: type.values }),
    about: about.trimEnd(),
    doc,
    names,
    ...defined({ default: standard, example, since, inert }),
    secrecy: type.secrecy,
  };
}
