import { expect, test } from "bun:test";
import { maskerOf } from "../masking/masker.ts";
import { reportOf } from "./host-report.ts";

test("whoever may read Nodes reads the report, so no text in it has a secret, also not half of one where it is cut", () => {
  const secret = "swordfish-of-the-mirror";
  const padded = `${"x".repeat(490)} ${secret} and so on`;
  const report = reportOf({
    boot: "0",
    running: { version: "1.0.0", variant: "metal-k8s-1.35", arch: "x86_64" },
    seed: 7,
    outlook: {
      state: { kind: "idle" },
      onTrial: false,
      fallback: undefined,
      working: undefined,
      failure: `cannot read https://me:${secret}@mirror.example.com/`,
      held: [{ version: "1.1.0", at: "2026-01-01T00:00:00.000Z", reason: padded }],
    },
    offers: [],
    lookFailure: undefined,
    accepted: undefined,
    refused: { order: "o-1", reason: padded },
    mask: maskerOf([secret]),
  });
  expect(JSON.stringify(report)).not.toContain("swordfish");
  expect(report.failure).toBe("cannot read https://me:(secret)@mirror.example.com/");
  expect(report.held[0]?.reason).toEndWith(" (secret)…");
});
