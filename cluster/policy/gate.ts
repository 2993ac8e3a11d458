/** What must hold while a node soaks. The operator asks, `decide` judges by the answers. */
import { z } from "zod";

export const Gate = z.union([
  /** Every pod of a DaemonSet on the node is ready. */
  z.strictObject({ name: z.string(), daemonSets: z.strictObject({ namespace: z.string().optional() }) }),
  /** A URL answers with a status below 400. `{node}` stands for the node's name. */
  z.strictObject({ name: z.string(), http: z.strictObject({ url: z.string() }) }),
  /** A query of Prometheus gives at least one sample, and none that is 0 or no number. `{node}` stands for the node's name. */
  z.strictObject({ name: z.string(), prometheus: z.strictObject({ url: z.string(), query: z.string() }) }),
  /** A field of any object has this value. */
  z.strictObject({
    name: z.string(),
    object: z.strictObject({
      apiVersion: z.string(),
      kind: z.string(),
      namespace: z.string().optional(),
      name: z.string(),
      /** Names of fields with dots between: `status.phase`. */
      field: z.string(),
      value: z.string(),
    }),
  }),
]);

export type Gate = z.infer<typeof Gate>;

/** What a gate says about a node. `since` is when it began to say so without a break, as its asker remembers. */
export type GateAnswer = { gate: string; holds: boolean; since: Date; reason: string };
