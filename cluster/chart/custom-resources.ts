/**
 * The CustomResourceDefinitions of the chart: their schemas come from what reads them.
 *
 * An API server wants them structural: each member has one type, and alternatives say only which members must be there.
 * Defaults are the operator's, so that a policy stays as its author wrote it.
 */
import { stringify } from "yaml";
import { z } from "zod";
import { isJsonObject, type Json, type JsonObject } from "../../lib/text/json.ts";
import { FleetLedger, FleetPolicySpec } from "../policy/fleet-policy.ts";
import { group } from "../operator/policy-object.ts";

type Column = { name: string; type: "string" | "integer" | "date"; jsonPath: string; priority?: number };

const text = { type: "string", nullable: true } as const;

const conditions = {
  type: "array",
  items: {
    type: "object",
    properties: {
      type: { type: "string" },
      status: { type: "string" },
      reason: { type: "string" },
      message: { type: "string" },
      lastTransitionTime: { type: "string", format: "date-time" },
    },
    required: ["type", "status"],
  },
};

export function fleetPolicyDefinition(): string {
  const ledger = structural(z.toJSONSchema(FleetLedger, { io: "input" }));
  const spec = structural(z.toJSONSchema(FleetPolicySpec, { io: "input" }));
  const counts = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const own = { conditions, counts, observedGeneration: { type: "integer", format: "int64" } };
  const properties: JsonObject = { ...(isJsonObject(ledger["properties"]) ? ledger["properties"] : {}), ...own };
  const status = { ...ledger, properties: { ...properties, halted: nullable(properties["halted"]) } };
  const message = (type: string, member: string): string => `.status.conditions[?(@.type=="${type}")].${member}`;
  return definition({ kind: "FleetPolicy", plural: "fleetpolicies", short: "fp" }, { spec, status }, [
    { name: "Nodes", type: "integer", jsonPath: ".status.counts.nodes" },
    { name: "Updated", type: "integer", jsonPath: ".status.counts.upToDate" },
    { name: "Claimed", type: "integer", jsonPath: ".status.counts.claimed" },
    { name: "Away", type: "integer", jsonPath: ".status.counts.away" },
    { name: "Halted", type: "string", jsonPath: message("Halted", "status") },
    { name: "Progress", type: "string", jsonPath: message("Progressing", "message") },
  ]);
}

export function nodeUpdateDefinition(): string {
  const properties = {
    version: text,
    target: text,
    step: text,
    since: { ...text, format: "date-time" },
    message: text,
  };
  const status = { type: "object", properties };
  return definition({ kind: "NodeUpdate", plural: "nodeupdates", short: "nu" }, { status }, [
    { name: "Version", type: "string", jsonPath: ".status.version" },
    { name: "Target", type: "string", jsonPath: ".status.target" },
    { name: "Step", type: "string", jsonPath: ".status.step" },
    { name: "Since", type: "date", jsonPath: ".status.since" },
    { name: "Message", type: "string", jsonPath: ".status.message" },
  ]);
}

type Kind = { kind: string; plural: string; short: string };

function definition({ kind, plural, short }: Kind, parts: Record<string, Json>, columns: readonly Column[]): string {
  const schema = { type: "object", properties: { apiVersion: { type: "string" }, kind: { type: "string" }, ...parts } };
  return stringify(
    {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: "Cluster",
        names: { kind, plural, singular: kind.toLowerCase(), shortNames: [short] },
        versions: [
          {
            name: "v1alpha1",
            served: true,
            storage: true,
            subresources: { status: {} },
            additionalPrinterColumns: columns,
            schema: { openAPIV3Schema: schema },
          },
        ],
      },
    },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

function nullable(schema: Json | undefined): Json {
  return isJsonObject(schema) ? { ...schema, nullable: true } : {};
}

/** JSON Schema as an API server takes it in a CustomResourceDefinition. */
export function structural(schema: unknown): JsonObject {
  if (!isJsonObject(schema)) throw new Error("bug: a schema is an object");
  const { $schema: _schema, default: _default, propertyNames, additionalProperties, anyOf, ...rest } = schema;
  if (Array.isArray(anyOf)) return alternatives(anyOf.map(structural));
  if (rest["format"] === "date-time") return { type: "string", format: "date-time" };
  if (rest["type"] === "integer") return integer(rest);
  const { properties, items } = rest;
  const isMap = isJsonObject(additionalProperties) && propertyNames !== undefined;
  return {
    ...rest,
    ...(isMap ? { additionalProperties: structural(additionalProperties) } : {}),
    ...(isJsonObject(properties) ? { properties: eachStructural(properties) } : {}),
    ...(items === undefined ? {} : { items: structural(items) }),
  };
}

function eachStructural(properties: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, structural(schema)]));
}

/** Bounds of safe integers say nothing. */
function integer({ minimum, maximum, ...rest }: JsonObject): JsonObject {
  const isMeant = (bound: Json | undefined): bound is number =>
    typeof bound === "number" && Number.isSafeInteger(bound) && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  return {
    ...rest,
    format: "int64",
    ...(isMeant(minimum) ? { minimum } : {}),
    ...(isMeant(maximum) ? { maximum } : {}),
  };
}

function alternatives(schemas: readonly JsonObject[]): JsonObject {
  if (!schemas.every(({ type }) => type === "object")) {
    // A number or a text: each bound is for one of them, and says nothing about the other.
    const bounds = schemas.map(({ type: _type, format: _format, ...rest }) => rest);
    return {
      "x-kubernetes-int-or-string": true,
      anyOf: [{ type: "integer" }, { type: "string" }],
      ...Object.assign({}, ...bounds),
    };
  }
  const properties = Object.assign({}, ...schemas.map((schema) => schema["properties"])) as JsonObject;
  const always = requiredOf(schemas[0]).filter((name) => schemas.every((schema) => requiredOf(schema).includes(name)));
  const own = schemas.map((schema) => ({ required: requiredOf(schema).filter((name) => !always.includes(name)) }));
  return { type: "object", properties, required: always, oneOf: own };
}

function requiredOf(schema: JsonObject | undefined): string[] {
  const required = schema?.["required"];
  return Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
}
