/** The OpenAPI 3.1 document of the API, from the same table that the server and the client use. */
import { z } from "zod";
import { assert } from "../../lib/failure.ts";
import { isJsonObject, parseJson, type Json, type JsonObject } from "../../lib/text/json.ts";
import * as answers from "../answers.ts";
import { endpoints } from "./contract.ts";
import type { Endpoint } from "./endpoint.ts";
import { reconcilerState, status, updateStatus } from "../status.ts";

/** What zod cannot write down as JSON Schema. */
const written = new Map<z.core.$ZodType, z.core.JSONSchema.BaseSchema>([
  [answers.anyJson, {}],
  [answers.settingsTree, { type: "object" }],
]);

/** Schemas that deserve a name of their own in the document. */
const named: Readonly<Record<string, z.ZodType>> = {
  Json: answers.anyJson,
  SettingsTree: answers.settingsTree,
  Keys: answers.keys,
  Problem: answers.problem,
  Refusal: answers.refusal,
  Os: answers.os,
  Service: answers.service,
  ConfigurationFile: answers.configurationFile,
  Model: answers.wholeModel,
  Effect: answers.effect,
  Failure: answers.applyFailure,
  PassReport: answers.passReport,
  Change: answers.change,
  Plan: answers.plan,
  PlanRequest: answers.planRequest,
  ChangeRequest: answers.changeRequest,
  Transaction: answers.transaction,
  Executed: answers.executed,
  History: answers.history,
  Trial: answers.trial,
  Applied: answers.applied,
  ReconcilerState: reconcilerState,
  Status: status,
  UpdateStatus: updateStatus,
};

const refusalWords: Readonly<Record<string, string>> = {
  400: "Missing, empty or malformed input, or settings that the model refuses",
  403: "The client certificate's role does not allow it (remote API only)",
  404: "There is no such key, version, service or update",
  409: "The present state does not allow it",
  413: "The body is too long",
  422: "Nothing is pending",
  423: "Another update action is running",
  426: "It is no request to go on as a websocket",
  500: "The host has a bug",
  503: "Too many requests at once",
};

/** @param version of the image that serves the API */
export function openApiDocument(version: string): JsonObject {
  const registry = z.registry<{ id: string }>();
  const idOf = new Map<z.ZodType, string>();
  const name = (id: string, schema: z.ZodType): void => {
    if (idOf.has(schema)) return;
    idOf.set(schema, id);
    registry.add(schema, { id });
  };
  for (const [id, schema] of Object.entries(named)) name(id, schema);
  const paths: { [path: string]: { [method: string]: Json } } = {};
  for (const [operationId, endpoint] of Object.entries<Endpoint>(endpoints)) {
    if (endpoint.body !== undefined) name(`${capitalised(operationId)}Body`, endpoint.body);
    if (endpoint.answers[200] !== undefined) name(`${capitalised(operationId)}Answer`, endpoint.answers[200]);
    const methods = (paths[endpoint.path] ??= {});
    methods[endpoint.method.toLowerCase()] = operation(operationId, endpoint, (schema) => referenceTo(idOf, schema));
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Orlop host API",
      version,
      description: "Settings, status and actions of one host, over its unix socket or over mutual TLS.",
    },
    paths,
    components: {
      schemas: componentSchemas(registry),
      responses: refusalResponses(referenceTo(idOf, answers.refusal)),
    },
  };
}

function operation(operationId: string, endpoint: Endpoint, reference: (schema: z.ZodType) => Json): Json {
  const { summary, query, body, answers: possible, refusals, role, remote, text, download, upgrade } = endpoint;
  const responses: { [status: string]: Json } = {};
  if (possible[200] !== undefined) responses["200"] = bodyOfAnswer(reference(possible[200]), text);
  if (download !== undefined) responses["200"] = { description: "The file", content: { [download]: {} } };
  if (upgrade !== undefined) responses["101"] = { description: `The connection goes on as a ${upgrade}: docs/api.md` };
  if (possible[204] !== undefined) responses["204"] = { description: "Done; there is nothing to say" };
  for (const status of [400, 403, 413, 500, 503, ...refusals]) {
    responses[String(status)] = { $ref: `#/components/responses/${status}` };
  }
  return {
    operationId,
    summary,
    "x-role": role,
    "x-remote": remote,
    ...(Object.keys(query.shape).length === 0 ? {} : { parameters: parametersOf(query) }),
    ...(body === undefined ? {} : { requestBody: bodyOf(body, reference) }),
    responses,
  };
}

function refusalResponses(schema: Json): Json {
  const content = { "text/plain": { schema: { type: "string" } }, "application/json": { schema } };
  return Object.fromEntries(
    Object.entries(refusalWords).map(([status, description]) => [status, { description, content }]),
  );
}

function bodyOf(body: z.ZodType, reference: (schema: z.ZodType) => Json): Json {
  return { required: !isOptional(body), content: { "application/json": { schema: reference(body) } } };
}

function parametersOf(query: z.ZodObject): Json[] {
  return Object.entries<z.core.$ZodType>(query.shape).map(([name, schema]) => ({
    name,
    in: "query",
    required: !isOptional(schema),
    schema: jsonOf(z.toJSONSchema(schema, { io: "input" })),
  }));
}

const isOptional = (schema: z.core.$ZodType): boolean => z.safeParse(schema, undefined).success;

const bodyOfAnswer = (schema: Json, text: string | undefined): Json => ({
  description: "Done",
  content: {
    "application/json": { schema },
    ...(text === undefined ? {} : { [text]: { schema: { type: "string" } } }),
  },
});

function referenceTo(idOf: ReadonlyMap<z.ZodType, string>, schema: z.ZodType): Json {
  return { $ref: `#/components/schemas/${idOf.get(schema) ?? ""}` };
}

function componentSchemas(registry: z.core.$ZodRegistry<{ id: string }>): JsonObject {
  const { schemas } = z.toJSONSchema(registry, {
    uri: (id) => `#/components/schemas/${id}`,
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => void Object.assign(jsonSchema, written.get(zodSchema)),
  });
  return Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, jsonOf(schema)]));
}

/** Without the words that only make sense for a schema in a document of its own. */
function jsonOf(schema: z.core.JSONSchema.BaseSchema): JsonObject {
  const json = parseJson(JSON.stringify(schema));
  assert(isJsonObject(json));
  const { $schema: _, $id: __, ...rest } = json;
  return rest;
}

const capitalised = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
