/** The JSON Schema that editors use, judged by a validator of others: it may never refuse what a host would accept. */
import { expect, test } from "bun:test";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { assert, property } from "fast-check";
import { parse } from "smol-toml";
import { everyVariant, modelNamed } from "../../test/worlds/host/models.ts";
import { mutated, userDataSamples, type Sample } from "../../test/worlds/host/user-data.ts";
import { parseDocument } from "./document.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import type { Model } from "../model/model.ts";

type Both = { model: Model; validate: ValidateFunction };

const both = new Map(
  everyVariant.map(({ name }): [string, Both] => {
    const model = modelNamed(name);
    return [
      name,
      {
        model,
        validate: new Ajv2020({ strict: true, strictRequired: false, strictTuples: false }).compile(
          jsonSchemaOf(model, name),
        ),
      },
    ];
  }),
);

function of(variant: string): Both {
  const found = both.get(variant);
  if (found === undefined) throw new Error(`no variant ${variant}`);
  return found;
}

const samples = await userDataSamples();
const valueOf = ({ text }: Sample): unknown =>
  text.trimStart().startsWith("{") ? JSON.parse(text) : parse(text, { integersAsBigInt: "asNeeded" });

test.each(samples)("the schema for $variant accepts $name", (sample) => {
  const { validate } = of(sample.variant);
  validate(valueOf(sample));
  expect(validate.errors).toBeNull();
});

test("the schema accepts every mutated sample that the host accepts, and refuses most of the others", () => {
  const outcomes = { agreed: 0, lenient: 0 };
  assert(
    property(mutated(samples), (sample) => {
      const { model, validate } = of(sample.variant);
      const isAccepted = parseDocument(sample.text, model).ok;
      let value: unknown;
      try {
        value = valueOf(sample);
      } catch {
        return expect(isAccepted).toBe(false); // a syntax error, which an editor tells without a schema
      }
      if (isAccepted) {
        validate(value);
        expect(validate.errors).toBeNull();
      } else outcomes[validate(value) ? "lenient" : "agreed"]++;
    }),
    { numRuns: 2000 },
  );
  expect(outcomes.agreed).toBeGreaterThan(outcomes.lenient * 3);
}, 30_000);

test.each([
  ["an unknown key", { kernel: { lockdwn: "none" } }],
  ["an unknown group", { kubernetes: {} }],
  ["a value of no enumeration", { kernel: { lockdown: "None" } }],
  ["a number for a text", { motd: 1 }],
  ["a number out of bounds", { api: { remote: { port: 70_000 } } }],
  ["a bad name", { "host-containers": { "a b": {} } }],
  ["a bad name in a map of lists", { boot: { "kernel-parameters": { "a b": [] } } }],
  ["a bad item", { ntp: { "time-servers": ["a b"] } }],
  ["an unknown key in an item", { ntp: { "time-servers": [{ address: "a", nice: true }] } }],
  ["a bad pattern", { network: { hostname: "A" } }],
])("the schema for dev refuses %s, as the model does", (_, settings) => {
  const { model, validate } = of("dev");
  expect(model.parse(settings).ok).toBe(false);
  expect(validate({ settings })).toBe(false);
});

test("other tables are allowed beside settings, not instead of it", () => {
  const { validate } = of("dev");
  expect(validate({})).toBe(true);
  expect(validate({ settings: {}, other: {} })).toBe(true);
  expect(validate({ other: {} })).toBe(false);
});

test("help, defaults and examples are in the schema", () => {
  const { model } = of("aws-k8s-1.20");
  const schema = jsonSchemaOf(model, "aws-k8s-1.20");
  expect(schema).toHaveProperty("properties.settings.properties.kubernetes.properties.authentication-mode", {
    description: expect.stringContaining("Must be one of aws, tls."),
    type: "string",
    enum: ["aws", "tls"],
    default: "aws",
  });
});
