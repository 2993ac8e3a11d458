/** What Prometheus answers to a query. Source: "HTTP API" in Prometheus' documentation. */
import { z } from "zod";
import { isFailure } from "../../../lib/failure.ts";
import { parseJson } from "../../../lib/text/json.ts";

type Sample = {
  metric: Readonly<Record<string, string>>;
  /** A number as Prometheus writes them, "NaN" and "+Inf" too. */
  value: string;
};

export type QueryResult = { samples: readonly Sample[] } | { error: string };

/** A moment in seconds, and a value. */
const point = z.tuple([z.number(), z.string()]);
const answer = z.discriminatedUnion("status", [
  z.object({
    status: z.literal("success"),
    data: z.discriminatedUnion("resultType", [
      z.object({
        resultType: z.literal("vector"),
        result: z.array(z.object({ metric: z.record(z.string(), z.string()), value: point })),
      }),
      z.object({ resultType: z.literal("scalar"), result: point }),
    ]),
  }),
  z.object({ status: z.literal("error"), error: z.string() }),
]);

export function readQueryResult(text: string): QueryResult {
  const read = answer.safeParse(jsonOf(text));
  if (!read.success) return { error: "this is not how Prometheus answers" };
  if (read.data.status === "error") return { error: read.data.error };
  const { data } = read.data;
  if (data.resultType === "scalar") return { samples: [{ metric: {}, value: data.result[1] }] };
  return { samples: data.result.map(({ metric, value: [, value] }) => ({ metric, value })) };
}

function jsonOf(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (isFailure(error, "bad-json")) return undefined;
    throw error;
  }
}
