/**
 * Every endpoint of the host's API, once: the router, the typed client, the role check and the OpenAPI document come
 * from this table. Errors are plain text, or `refusal` for clients that accept application/json.
 */
import { bottlerocketEndpoints } from "./bottlerocket-endpoints.ts";
import type { Endpoint } from "./endpoint.ts";
import { ownEndpoints } from "./own-endpoints.ts";

export const endpoints = { ...bottlerocketEndpoints, ...ownEndpoints } as const satisfies Record<string, Endpoint>;
export type EndpointName = keyof typeof endpoints;
