/** A marker in every setting that can carry one, as secrets come into settings: in URLs, files, arguments and texts. */
import { generateKeyPem } from "../../../repo/roles/key.ts";
import type { Json } from "../../../lib/text/json.ts";
import type { CatalogueEntry, Model, SettingsTree } from "../../../settings/model/model.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const manifest = (marker: string): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: it}, spec: {containers: [{name: it, image: example.com/it:v1, env: [{name: A, value: ${marker}}]}]}}`;

/** Values with the marker in them, of many shapes; a setting gets the first that its type takes. */
function valuesWith(marker: string): Json[] {
  const url = `https://${marker}:${marker}@example.com/path?token=${marker}#${marker}`;
  return [
    url,
    [url],
    [{ registry: "example.com", endpoint: [url] }],
    [{ registry: "example.com", username: "puller", password: marker }],
    base64(manifest(marker)),
    base64(`TOKEN=${marker}`),
    [["apiclient", "set", `motd=${marker}`]],
    [`--token=${marker}`],
    marker,
    [marker],
    [`${marker}:NoSchedule`],
    [["10.0.0.1", [marker]]],
    `example.com/${marker}:v1`,
  ];
}

export type Marked = {
  tree: SettingsTree;
  /** The settings that hold it, as the catalogue calls them. */
  keys: string[];
  /** Everything that must not be found, as it stands in texts. */
  markers: string[];
};

/** The names that a catalogue leaves to its reader, filled in. */
const named = (key: string): string => key.replaceAll(/<[^>]+>/g, "marked");

/**
 * @param marker letters and digits, so that as many types as can be take it
 * @param isMeant which settings get it
 */
export function markedSettings(model: Model, marker: string, isMeant: (entry: CatalogueEntry) => boolean): Marked {
  const leaves = new Map<string, Json>();
  const keys: string[] = [];
  const markers = new Set([marker, base64(marker).slice(0, -2)]);
  for (const entry of model.catalogue.filter(isMeant)) {
    const key = named(entry.key);
    for (const value of [...valuesWith(marker), base64(generateKeyPem("ed25519"))]) {
      const parsed = model.parse(model.tree(new Map([[key, value]])));
      if (!parsed.ok) continue;
      for (const [leaf, canonical] of model.leaves(parsed.value)) leaves.set(leaf, canonical);
      if (typeof value === "string" && !value.includes(marker)) markers.add(value);
      keys.push(entry.key);
      break;
    }
  }
  return { tree: model.tree(leaves), keys, markers: [...markers] };
}
