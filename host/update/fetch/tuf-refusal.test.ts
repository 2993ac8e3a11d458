import { expect, test } from "bun:test";
import { explain } from "../../../lib/failure.ts";
import { refusalOf } from "./tuf-refusal.ts";

test("what a mirror wrote into its metadata is neither searched nor told at length", () => {
  const seen = { repository: "r", download: undefined, expiresOf: () => undefined, now: new Date(0) };
  const startMs = performance.now();
  const refusal = refusalOf(new Error(`expected 'root', got ${"a".repeat(500_000)}`), seen);
  // It takes no time; with all of it searched, an hour.
  expect(performance.now() - startMs).toBeLessThan(60_000);
  expect(refusal).toMatchObject({ code: "bad-metadata" });
  expect(explain(refusal).length).toBeLessThan(2_000);
}, 600_000);
