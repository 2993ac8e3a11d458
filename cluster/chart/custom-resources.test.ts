import { expect, test } from "bun:test";
import { z } from "zod";
import { structural } from "./custom-resources.ts";

const of = (schema: z.ZodType) => structural(z.toJSONSchema(schema, { io: "input" }));

test("an API server gets no defaults, no bounds of safe integers, and no closed objects", () => {
  const schema = z.strictObject({ count: z.int().min(1).default(3), names: z.record(z.string(), z.string()) });
  expect(of(schema)).toEqual({
    type: "object",
    properties: {
      count: { type: "integer", format: "int64", minimum: 1 },
      names: { type: "object", additionalProperties: { type: "string" } },
    },
    required: ["names"],
  });
});

test("a number or a text is both, and each keeps its bounds", () => {
  expect(of(z.union([z.int().min(1), z.string().regex(/^\d+%$/)]))).toEqual({
    "x-kubernetes-int-or-string": true,
    anyOf: [{ type: "integer" }, { type: "string" }],
    minimum: 1,
    pattern: String.raw`^\d+%$`,
  });
});

test("of alternatives, an object has the members of exactly one", () => {
  const schema = z.union([
    z.strictObject({ name: z.string(), start: z.string() }),
    z.strictObject({ name: z.string(), cron: z.string() }),
  ]);
  expect(of(schema)).toEqual({
    type: "object",
    properties: { name: { type: "string" }, start: { type: "string" }, cron: { type: "string" } },
    required: ["name"],
    oneOf: [{ required: ["start"] }, { required: ["cron"] }],
  });
});
