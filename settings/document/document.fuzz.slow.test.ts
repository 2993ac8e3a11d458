/**
 * Protects: whatever is handed in as user data, the host and `userdata check` answer with problems that have a place.
 * They never throw or hang, and what they accept is in a form that stays as it is.
 */
import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { assert, property, string, uint8Array } from "fast-check";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { damaged, mutated, userDataSamples } from "../../test/worlds/host/user-data.ts";
import { parseDocument } from "./document.ts";
import { describeProblem } from "../model/problem.ts";

const samples = await userDataSamples();
const timeoutMs = 30_000;

/** Holds for every document; says whether it was accepted. */
function examine(document: string | Uint8Array, variant: string): boolean {
  const model = modelNamed(variant);
  const result = parseDocument(document, model);
  const lines = (typeof document === "string" ? document : new TextDecoder().decode(document)).split("\n").length;
  for (const problem of result.ok ? result.warnings : result.problems) {
    expect(problem.message).not.toBe("");
    expect(describeProblem(problem)).toMatch(/^line \d+, column \d+: /);
    expect(problem.line).toBeWithin(1, lines + 1);
    expect(problem.column).toBeGreaterThan(0);
  }
  if (!result.ok) {
    expect(result.problems).not.toBeEmpty();
    return false;
  }
  expect(model.parse(result.value)).toMatchObject({ ok: true, value: result.value });
  expect(model.tree(model.leaves(result.value))).toEqual(result.value);
  const complete = model.complete(result.value);
  expect(model.parse(JSON.parse(JSON.stringify(complete)))).toMatchObject({ ok: true });
  return true;
}

test.each(samples)("$name is accepted by $variant", ({ text, variant }) => {
  expect(parseDocument(text, modelNamed(variant))).toMatchObject({ ok: true });
  expect(examine(text, variant)).toBe(true);
  const bytes = Buffer.from(text);
  expect(parseDocument(gzipSync(bytes), modelNamed(variant))).toEqual(parseDocument(bytes, modelNamed(variant)));
});

test(
  "mutated samples are accepted or refused with places, and some of both happen",
  () => {
    const outcomes = { accepted: 0, refused: 0 };
    assert(
      property(mutated(samples), ({ text, variant }) => {
        outcomes[examine(text, variant) ? "accepted" : "refused"]++;
      }),
      { numRuns: 3000 },
    );
    expect(outcomes.accepted).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(1000);
  },
  timeoutMs,
);

test(
  "samples with damaged bytes, and anything at all, are no reason to throw",
  () => {
    assert(
      property(damaged(samples), ({ bytes, variant }) => void examine(bytes, variant)),
      { numRuns: 500 },
    );
    assert(
      property(uint8Array({ maxLength: 100 }), (bytes) => void examine(bytes, "dev")),
      { numRuns: 500 },
    );
    assert(
      property(string({ unit: "binary", maxLength: 50 }), (text) => void examine(text, "dev")),
      { numRuns: 500 },
    );
    assert(
      property(string({ unit: "binary", maxLength: 50 }), (text) => void examine(`[settings]\n${text}`, "dev")),
      { numRuns: 500 },
    );
  },
  timeoutMs,
);
