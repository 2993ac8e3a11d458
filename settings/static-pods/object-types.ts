/**
 * Whether an object of Kubernetes has the types that its API gives it, as kubelet decodes it.
 *
 * Kubelet takes null for a field that is not there, and drops fields that it does not know without a word. Source:
 * apimachinery's pkg/runtime/serializer/json.
 */
import { quantity } from "../values/kubernetes-amounts.ts";
import { int32 } from "../model/type.ts";

/**
 * Fields of object types, by name. A field is a scalar or the name of an object type; `[T]` is a list and `{T}` a map
 * of such; `!` in front says that it must be there.
 */
export type ObjectTypes = Readonly<Record<string, Readonly<Record<string, string>>>>;

export type ObjectPlace = readonly (string | number)[];

/** Something about a place in an object; `message` continues the name of the place. */
export type Flaw = { at: ObjectPlace; message: string };

/** A field that is not one, and those that are. */
export type UnknownField = { at: ObjectPlace; name: string; fields: readonly string[] };

export type TypeReport = { flaws: Flaw[]; unknown: UnknownField[] };

const wholeFrom = ({ least, most }: { least: number; most: number }) => ({
  words: `a whole number from ${least} to ${most}`,
  accepts: (value: unknown) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
});
const isQuantity = (value: unknown): boolean => quantity.schema().safeParse(String(value)).success;
const isTime = (value: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.test(value) && !Number.isNaN(Date.parse(value));

const scalars: Readonly<Record<string, FieldRule>> = {
  string: { words: "text", accepts: (value) => typeof value === "string" },
  boolean: { words: "true or false", accepts: (value) => typeof value === "boolean" },
  int32: wholeFrom(int32),
  int64: wholeFrom({ least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER }),
  "int-or-string": {
    words: "a whole number or text",
    accepts: (value) => typeof value === "string" || wholeFrom(int32).accepts(value),
  },
  quantity: {
    words: quantity.words,
    accepts: (value) => (typeof value === "string" || typeof value === "number") && isQuantity(value),
  },
  time: {
    words: "a time such as 2024-01-31T12:00:00Z",
    accepts: (value) => typeof value === "string" && isTime(value),
  },
  object: { words: "a mapping", accepts: (value) => typeof value === "object" && !Array.isArray(value) },
};

/** A value of a field, beyond its type. */
export type FieldRule = { words: string; accepts: (value: unknown) => boolean };

export type AnObject = Readonly<Record<string, unknown>>;

/** What an API asks for beyond its types. */
export type Conditions = {
  /** By "Type.field". */
  fields: Readonly<Record<string, FieldRule>>;
  /** Those that need not be there although the API's description says so, by "Type.field". */
  optional: ReadonlySet<string>;
  /** By type; `known` are the fields that it has. Whatever is in the object may have a wrong type. */
  objects: Readonly<Record<string, (object: AnObject, at: ObjectPlace, known: ReadonlySet<string>) => Iterable<Flaw>>>;
};

/** What is wrong with a value of a type, and what kubelet would drop. */
export function typeReport(value: unknown, type: string, types: ObjectTypes, conditions: Conditions): TypeReport {
  const report: TypeReport = { flaws: [], unknown: [] };
  new Walk(types, conditions, report).visit(value, type, []);
  return report;
}

class Walk {
  readonly #types: ObjectTypes;
  readonly #conditions: Conditions;
  readonly #report: TypeReport;

  constructor(types: ObjectTypes, conditions: Conditions, report: TypeReport) {
    this.#types = types;
    this.#conditions = conditions;
    this.#report = report;
  }

  visit(value: unknown, type: string, at: ObjectPlace, rule?: FieldRule): void {
    if (value === null || value === undefined) return;
    const expected = scalars[type];
    if (expected !== undefined) {
      const refused = expected.accepts(value) ? rule : expected;
      if (refused !== undefined && !refused.accepts(value)) this.#refuse(at, refused, value);
    } else if (type.startsWith("[")) {
      if (!Array.isArray(value)) this.#refuse(at, { words: "a list" }, value);
      else
        for (const [index, item] of value.entries())
          this.visit(item ?? this.#nothing(inner(type)), inner(type), [...at, index], rule);
    } else if (!isObject(value)) {
      this.#refuse(at, { words: "a mapping" }, value);
    } else if (type.startsWith("{")) {
      for (const [name, entry] of Object.entries(value)) this.visit(entry, inner(type), [...at, name], rule);
    } else {
      this.#visitFields(value, type, at);
    }
  }

  #visitFields(object: AnObject, type: string, at: ObjectPlace): void {
    const fields = this.#types[type] ?? {};
    const known = new Set(Object.keys(fields));
    for (const [name, entry] of Object.entries(object)) {
      const declared = known.has(name) ? fields[name] : undefined;
      if (declared === undefined) this.#report.unknown.push({ at: [...at, name], name, fields: [...known] });
      else this.visit(entry, declared.replace("!", ""), [...at, name], this.#conditions.fields[`${type}.${name}`]);
    }
    for (const [name, declared] of Object.entries(fields)) {
      const isNeeded = declared.startsWith("!") && !this.#conditions.optional.has(`${type}.${name}`);
      if (isNeeded && !isSet(object, name)) this.#report.flaws.push({ at: [...at, name], message: "must be set" });
    }
    this.#report.flaws.push(...(this.#conditions.objects[type]?.(object, at, known) ?? []));
  }

  /** What kubelet takes null in a list for. */
  #nothing(type: string): unknown {
    return type === "string" ? "" : this.#types[type] === undefined ? undefined : {};
  }

  #refuse(at: ObjectPlace, { words }: { words: string }, value: unknown): void {
    this.#report.flaws.push({ at, message: `must be ${words}, not ${shown(value)}` });
  }
}

export function isObject(value: unknown): value is AnObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The objects in a list; none when it is no list. */
export function objectsIn(object: AnObject, field: string): [AnObject, number][] {
  const list = object[field];
  return Array.isArray(list)
    ? list.flatMap((item: unknown, index): [AnObject, number][] => (isObject(item) ? [[item, index]] : []))
    : [];
}

export const isSet = (object: AnObject, field: string): boolean =>
  object[field] !== undefined && object[field] !== null;

const inner = (type: string): string => type.slice(1, -1);

export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return isObject(value) ? "a mapping" : JSON.stringify(value);
}
