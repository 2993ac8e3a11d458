/**
 * How settings are declared: a tree of tables and maps whose leaves are settings.
 *
 * The declaration is the only source: validation, defaults, help, the settings page, JSON Schema and the TypeScript
 * type `Settings` come from it.
 */
import type { Json, JsonObject } from "../../lib/text/json.ts";
import type { Type } from "./type.ts";

/** A Kubernetes minor version, as in "1.20". */
export type Minor = `1.${number}`;

export function isAtLeast(minor: Minor, least: Minor): boolean {
  return Number(minor.slice(2)) >= Number(least.slice(2));
}

/** A leaf: a scalar or a whole list. `Defaulted` says whether it always has a value. */
export type Setting<T extends Json = Json, Defaulted extends boolean = boolean> = {
  kind: "setting";
  type: Type<T>;
  /** Sentences for the person who sets it. */
  doc: string;
  default: T | undefined;
  example: Json | undefined;
  /** The first Kubernetes minor whose kubelet knows it. */
  since: Minor | undefined;
  /** Why setting it changes nothing; it is accepted for the sake of what people already wrote. */
  inert: string | undefined;
  defaulted: Defaulted;
};

/** Names that we choose. */
export type Table<Children extends Nodes> = AnyTable & { children: Children };

/** Names that the user chooses. */
export type MapOf<Entry extends SettingNode> = AnyMap & { entry: Entry };

export type AnyTable = {
  kind: "table";
  doc: string;
  children: Nodes;
  /** Other names of children, which Bottlerocket takes too; what is read has the child's own. */
  aliases?: Aliases;
};
type Aliases = { readonly [name: string]: string };
export type AnyMap = {
  kind: "map";
  doc: string;
  /** What a name must be. */
  name: Type<string>;
  /** How the settings page calls a name: `host-containers.<name>`. */
  placeholder: string;
  entry: SettingNode;
  /** Entries that are always there. */
  standard: JsonObject;
  /** Whether the order in which they were set has a meaning; otherwise they are sorted. */
  ordered: boolean;
  since: Minor | undefined;
};

export type SettingNode = Setting | AnyTable | AnyMap;
export interface Nodes {
  readonly [name: string]: SettingNode;
}

type Declared<T extends Json> = {
  type: Type<T>;
  doc: string;
  example?: Json;
  since?: Minor;
  inert?: string;
};

export function setting<T extends Json>(declared: Declared<T> & { default: NoInfer<T> }): Setting<T, true>;
export function setting<T extends Json>(declared: Declared<T>): Setting<T, false>;
export function setting<T extends Json>(declared: Declared<T> & { default?: T }): Setting<T> {
  // Everyone is handed the same list; a change to it throws.
  if (Array.isArray(declared.default)) Object.freeze(declared.default);
  return {
    kind: "setting",
    type: declared.type,
    doc: declared.doc,
    default: declared.default,
    example: declared.example,
    since: declared.since,
    inert: declared.inert,
    defaulted: declared.default !== undefined,
  };
}

export function table<const Children extends Nodes>(
  doc: string,
  children: Children,
  aliases: { readonly [name: string]: keyof Children & string } = {},
): Table<Children> {
  return { kind: "table", doc, children, aliases };
}

export function mapOf<Entry extends SettingNode>(declared: {
  doc: string;
  name: Type<string>;
  placeholder: string;
  entry: Entry;
  standard?: { [name: string]: PartOf<Entry> } & JsonObject;
  ordered?: boolean;
  since?: Minor;
}): MapOf<Entry> {
  return {
    kind: "map",
    ...declared,
    standard: declared.standard ?? {},
    ordered: declared.ordered ?? false,
    since: declared.since,
  };
}

type Filled<Children extends Nodes> = {
  [Name in keyof Children]: Children[Name] extends Setting<Json, false> ? never : Name;
}[keyof Children];

/** The TypeScript type of a declaration, defaults applied. Tables and maps are always there, if empty. */
export type ValueOf<Declaration> =
  Declaration extends Setting<infer T, boolean>
    ? T
    : Declaration extends MapOf<infer Entry>
      ? { [name: string]: ValueOf<Entry> }
      : Declaration extends Table<infer Children>
        ? { [Name in Filled<Children>]: ValueOf<Children[Name]> } & {
            [Name in Exclude<keyof Children, Filled<Children>>]?: ValueOf<Children[Name]> | undefined;
          }
        : never;

/** The same with every part optional: a variant's own defaults. */
export type PartOf<Declaration> =
  Declaration extends Setting<infer T, boolean>
    ? T
    : Declaration extends MapOf<infer Entry>
      ? { [name: string]: PartOf<Entry> }
      : Declaration extends Table<infer Children>
        ? { [Name in keyof Children]?: PartOf<Children[Name]> }
        : never;
