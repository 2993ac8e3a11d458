/**
 * The types of a Pod as a minor of Kubernetes has them, out of its own description of its API.
 *
 * The result is small enough to read: a type for each field, `!` where it must be there, `[T]` for lists and `{T}` for
 * maps. `settings/static-pods/object-types.ts` reads it.
 */
import { z } from "zod";
import { assert } from "../lib/failure.ts";
import { parseJson } from "../lib/text/json.ts";

const field = z.object({
  $ref: z.string().optional(),
  type: z.string().optional(),
  format: z.string().optional(),
  get items() {
    return field.optional();
  },
  get additionalProperties() {
    return field.optional();
  },
});
const definition = z.object({
  properties: z.record(z.string(), field).optional(),
  required: z.array(z.string()).optional(),
});
const description = z.object({ definitions: z.record(z.string(), definition) });

type Field = z.infer<typeof field>;
type Definitions = z.infer<typeof description>["definitions"];

const root = "io.k8s.api.core.v1.Pod";

/** Types of our own for those that are written in a way of their own. */
const scalars: Readonly<Record<string, string>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
  "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "object",
};

/** The cluster writes it, and who made a manifest out of a running pod has it there; kubelet does not look at it. */
const unread = new Set(["status"]);

/** @param swagger `api/openapi-spec/swagger.json` of the version */
export function podSchema(version: string, minor: string, swagger: string): string {
  const { definitions } = description.parse(parseJson(swagger));
  const types = new Map<string, Record<string, string>>();
  collect(root, definitions, types);
  const sorted = Object.fromEntries([...types].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const name = `pod${minor.replace(".", "")}`;
  return [
    `/** A Pod of Kubernetes ${version}; made by \`./orlop generate --kubernetes\` from its api/openapi-spec/swagger.json. */`,
    'import type { ObjectTypes } from "../object-types.ts";',
    "",
    `export const ${name}: ObjectTypes = {`,
    ...Object.entries(sorted).map(([type, fields]) => `  ${type}: ${JSON.stringify(fields)},`),
    "};",
    "",
  ].join("\n");
}

function collect(reference: string, definitions: Definitions, types: Map<string, Record<string, string>>): void {
  const name = shortName(reference);
  if (types.has(name)) return;
  const { properties = {}, required = [] } = definitions[reference] ?? {};
  assert(Object.keys(properties).length > 0, `${reference} has no fields`);
  const fields: Record<string, string> = {};
  types.set(name, fields);
  for (const [field, declared] of Object.entries(properties)) {
    if (reference === root && unread.has(field)) continue;
    fields[field] = `${required.includes(field) ? "!" : ""}${typeOf(declared)}`;
    const inner = referenceIn(declared);
    if (inner !== undefined && scalars[inner] === undefined) collect(inner, definitions, types);
  }
}

function typeOf({ $ref, type, format, items, additionalProperties }: Field): string {
  if ($ref !== undefined) return scalars[target($ref)] ?? shortName($ref);
  if (items !== undefined) return `[${typeOf(items)}]`;
  if (additionalProperties !== undefined) return `{${typeOf(additionalProperties)}}`;
  assert(type !== undefined, "a field has no type");
  return type === "integer" && format !== undefined ? format : type;
}

function referenceIn({ $ref, items, additionalProperties }: Field): string | undefined {
  if ($ref !== undefined) return target($ref);
  const inner = items ?? additionalProperties;
  return inner === undefined ? undefined : referenceIn(inner);
}

const target = (reference: string): string => reference.replace("#/definitions/", "");
const shortName = (reference: string): string => reference.slice(reference.lastIndexOf(".") + 1);
