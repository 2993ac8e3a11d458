/** `docs/settings.md`: every setting of every variant, from the declarations. */
import type { Json } from "../../lib/text/json.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import { groups, isGroup } from "../groups/group.ts";
import type { Model } from "../model/model.ts";
import type { Secrecy } from "../model/secrecy.ts";

type Variants = ReadonlyMap<string, Pick<Model, "catalogue">>;

const head = `# Settings

Every setting, made from the code by \`./orlop generate\`. In user data they stand below \`[settings]\`:

\`\`\`toml
[settings.kernel]
lockdown = "integrity"
\`\`\`

On a host, \`apiclient set kernel.lockdown=integrity\` changes one. A setting that has no default is not set.
What is in angle brackets is a name that you choose. A list is always set as a whole.
JSON Schema for editors is in [docs/schema](schema/), one file for each variant.`;

export function settingsPage(variants: Variants): string {
  const names = [...variants.keys()];
  const sections = Object.keys(groups).map((group) => section(group, variants, names));
  return `${[head, ...sections].join("\n\n")}\n`;
}

function section(group: string, variants: Variants, names: readonly string[]): string {
  const having = names.filter((name) => variants.get(name)?.catalogue.some((entry) => entry.group === group));
  // A group that is a setting itself says what it is about below.
  const doc = isGroup(group) && groups[group].kind !== "setting" ? groups[group].doc : "";
  const only = having.length === names.length ? "" : ` Only in ${having.join(", ")}.`;
  const keys = new Set(having.flatMap((name) => entriesOf(variants, name, group).map(({ key }) => key)));
  const settings = [...keys].map((key) => describe(key, having, variants));
  return [`## ${group}`, `${doc}${only}`.trim(), ...settings].filter((part) => part !== "").join("\n\n");
}

function entriesOf(variants: Variants, name: string, group: string): readonly CatalogueEntry[] {
  return (variants.get(name)?.catalogue ?? []).filter((entry) => entry.group === group);
}

function describe(key: string, having: readonly string[], variants: Variants): string {
  const found = having.flatMap((name) => {
    const entry = variants.get(name)?.catalogue.find((candidate) => candidate.key === key);
    return entry === undefined ? [] : [{ name, entry }];
  });
  const [first] = found;
  if (first === undefined) return "";
  const { entry } = first;
  const lines = [
    `### \`${key}\``,
    "",
    [entry.about, entry.doc, secrecyOf[entry.secrecy]].filter((text) => text !== "").join(" "),
    "",
    `- Must be ${plain(entry.type)}.`,
    ...entry.names.map(({ placeholder, type }) => `- \`<${placeholder}>\` must be ${plain(type)}.`),
    ...defaultLines(found),
  ];
  if (entry.example !== undefined) lines.push(`- Example: ${code(entry.example)}`);
  if (entry.since !== undefined) lines.push(`- Needs Kubernetes ${entry.since} or newer.`);
  if (entry.inert !== undefined) lines.push(`- Has no effect: ${entry.inert}.`);
  return lines.join("\n");
}

const secrecyOf: Readonly<Record<Secrecy, string>> = {
  open: "",
  address: "User and password, query and fragment of a URL are shown to administrators only.",
  secret: "Secret: never printed in messages, and shown to administrators only.",
};

/** One line when all variants agree, else one for each default. */
function defaultLines(found: readonly { name: string; entry: CatalogueEntry }[]): string[] {
  const byDefault = new Map<string, string[]>();
  for (const { name, entry } of found) {
    if (entry.default === undefined) continue;
    const shown = code(entry.default);
    byDefault.set(shown, [...(byDefault.get(shown) ?? []), name]);
  }
  return [...byDefault].map(([shown, names]) =>
    names.length === found.length ? `- Default: ${shown}` : `- Default: ${shown} in ${names.join(", ")}`,
  );
}

function code(value: Json): string {
  const text = JSON.stringify(value);
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** Words that Markdown would take for marks. */
function plain(words: string): string {
  return words.replaceAll(/[*_<>\\]/g, (mark) => `\\${mark}`);
}
