/**
 * Every endpoint of the host's API, once: the router, the typed client, the role check and the OpenAPI document come
 * from this table. Errors are plain text, or `refusal` for clients that accept application/json.
 *
 * What Bottlerocket has too comes first in each part: paths, query names, bodies and statuses are its own, so that its
 * clients work unchanged; a few have a parameter more.
 */
import { attestationEndpoints } from "./attestation-endpoints.ts";
import type { Endpoint } from "./endpoint.ts";
import { historyEndpoints } from "./history-endpoints.ts";
import { machineEndpoints } from "./machine-endpoints.ts";
import { modelEndpoints } from "./model-endpoints.ts";
import { reportEndpoints } from "./report-endpoints.ts";
import { settingsEndpoints } from "./settings-endpoints.ts";
import { updateEndpoints } from "./update-endpoints.ts";

export const endpoints = {
  ...modelEndpoints,
  ...settingsEndpoints,
  ...historyEndpoints,
  ...machineEndpoints,
  ...reportEndpoints,
  ...attestationEndpoints,
  ...updateEndpoints,
} as const satisfies Record<string, Endpoint>;
export type EndpointName = keyof typeof endpoints;
