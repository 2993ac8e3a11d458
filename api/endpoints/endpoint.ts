/**
 * What an endpoint of the host's API is: one entry of the table in `contract.ts`.
 *
 * The router, the typed client, the role check and the OpenAPI document are all derived from the table, so an endpoint
 * is declared once. Query parameters are codecs: text on the wire, values in the program.
 */
import { z } from "zod";

/** What a client certificate allows, least first; the unix socket always acts as admin. */
export const roles = ["read-only", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Statuses of refusals that an endpoint documents; 400, 413, 500 and 503 may come from every one. */
export type RefusalStatus = 404 | 409 | 422 | 423 | 426;

/** A schema is the body of a 200; `nothing` is a 204; both when a query parameter decides. */
export type Answers = { 200?: z.ZodType; 204?: "nothing" };

export type Endpoint = {
  readonly method: Method;
  readonly path: `/${string}`;
  readonly summary: string;
  /** The least role that may call it over the remote API. */
  readonly role: Role;
  /** False for what only the unix socket offers. */
  readonly remote: boolean;
  readonly query: z.ZodObject;
  readonly body?: z.ZodType;
  readonly answers: Answers;
  readonly refusals: readonly RefusalStatus[];
  /** The answer is text of this type unless the query has `format=json`; of a list, an entry a line. */
  readonly text?: string;
  /** The type of the file that answers, for what is no JSON. */
  readonly download?: string;
  /** The connection goes on as a websocket. */
  readonly upgrade?: "websocket";
};

/** What the handler receives and the client passes: query parameters as values. */
export type QueryOf<E extends Endpoint> = z.output<E["query"]>;
export type BodyOf<E extends Endpoint> = E extends { body: infer Body extends z.ZodType } ? z.output<Body> : undefined;
export type AnswerOf<E extends Endpoint> =
  | (E["answers"] extends { 200: infer Answer extends z.ZodType } ? z.output<Answer> : never)
  | (E["answers"] extends { 204: "nothing" } ? undefined : never);

/** True when `role` includes everything that `needed` may do. */
export function allows(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}
