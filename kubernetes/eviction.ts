/**
 * Evictions: the one way in which a pod is asked to go, since only they heed PodDisruptionBudgets.
 *
 * A dry run tells by name which budget forbids it.
 */
import { z } from "zod";
import { Failure } from "../lib/failure.ts";
import { bytesOf } from "../lib/files/http-body.ts";
import { parseJson } from "../lib/text/json.ts";
import { type KubernetesClient, parsed, refusalOf } from "./client.ts";
import { pods } from "./objects.ts";
import { objectPath } from "./resource.ts";

export type Eviction =
  | { kind: "accepted" }
  | { kind: "gone" }
  /** Not now. `budget` is the PodDisruptionBudget that forbids it, when one does. */
  | { kind: "blocked"; budget: string | undefined; reason: string }
  /** Not ever, unless somebody changes something. */
  | { kind: "impossible"; reason: string };

/** policy/v1 evicts from Kubernetes 1.22 on, and policy/v1beta1 before 1.25. */
export type EvictionVersion = "policy/v1" | "policy/v1beta1";

const limitMs = 30_000;
const versionSchema = z.object({ major: z.string(), minor: z.string() });
const versionLimits = { mostBytes: 64 * 1024, stallMs: limitMs };

/** The minor version of Kubernetes 1 that the API server is: 20, 35. @throws {Failure<"cluster-refused">} */
export async function serverMinor(client: KubernetesClient, signal: AbortSignal): Promise<number> {
  const response = await client.ask("/version", { limitMs }, signal);
  if (!response.ok) {
    const { message } = await refusalOf(response);
    throw new Failure(
      "cluster-refused",
      `cannot ask for its version: the cluster answers ${response.status}: ${message}`,
    );
  }
  const answer = parseJson((await bytesOf(response, "the cluster's version", versionLimits)).toString());
  // Some providers write "20+".
  return Number.parseInt(parsed(versionSchema, answer, "/version").minor, 10);
}

export function evictionVersion(minor: number): EvictionVersion {
  return minor >= 22 ? "policy/v1" : "policy/v1beta1";
}

/** @throws {Failure<"cluster-refused">} when it is not for us to evict, or the request makes no sense to the server */
export async function evict(
  client: KubernetesClient,
  { name, namespace, uid }: { name: string; namespace: string; uid: string },
  { version, dryRun }: { version: EvictionVersion; dryRun: boolean },
  signal: AbortSignal,
): Promise<Eviction> {
  const path = objectPath(pods, { name, namespace }, "eviction");
  const body = {
    apiVersion: version,
    kind: "Eviction",
    metadata: { name, namespace },
    // A pod of a StatefulSet comes back under its name: only the one that was seen is meant.
    deleteOptions: { preconditions: { uid } },
  };
  const query = dryRun ? { dryRun: "All" } : {};
  const response = await client.ask(path, { method: "POST", query, body, limitMs }, signal);
  if (response.ok) {
    await response.body?.cancel();
    return { kind: "accepted" };
  }
  const { message, details } = await refusalOf(response);
  const reason = details?.causes[0]?.message ?? message;
  switch (response.status) {
    case 404:
      return { kind: "gone" };
    case 409:
    case 429:
      return { kind: "blocked", budget: budgetIn(reason), reason };
    case 500:
      // The one answer of this status that no patience helps.
      if (message.includes("more than one PodDisruptionBudget")) return { kind: "impossible", reason };
      return { kind: "blocked", budget: undefined, reason };
    default:
      if (response.status > 500) return { kind: "blocked", budget: undefined, reason };
      throw new Failure("cluster-refused", `cannot evict ${path}: the cluster answers ${response.status}: ${message}`);
  }
}

/** Source: `checkAndDecrement` of Kubernetes' eviction, of all minors. */
export function budgetIn(message: string): string | undefined {
  return /disruption budget (\S+) /.exec(message)?.[1];
}
