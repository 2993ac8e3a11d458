import { expect, test } from "bun:test";
import { modelNamed } from "../../test/worlds/host/models.ts";
import { checkDocument, describeCheck } from "./check.ts";

const model = modelNamed("dev");

test("mistakes are told in the form that editors and terminals link", () => {
  const report = checkDocument("[settings]\nmotd = 1\nmotdd = 'x'\n", model);
  expect(report.valid).toBe(false);
  expect(describeCheck("user-data.toml", report)).toBe(
    [
      "user-data.toml:2:8: settings.motd must be text without control characters other than tab and newline, not 1",
      "user-data.toml:3:1: settings.motdd is no setting; did you mean motd?",
    ].join("\n"),
  );
});

test("a valid document says so, after its warnings", () => {
  const report = checkDocument("[settings]\nmotd = 'x'\n[other]\n", model);
  expect(report).toMatchObject({ valid: true, problems: [] });
  expect(describeCheck("a.toml", report)).toBe(
    "a.toml:3:2: warning: other is ignored: only settings is read\na.toml is valid",
  );
});

test("the report is JSON", () => {
  const report = checkDocument("[settings.kernel]\nlockdown = 'integrty'", model);
  expect(JSON.parse(JSON.stringify(report))).toEqual({
    valid: false,
    warnings: [],
    problems: [
      {
        key: "settings.kernel.lockdown",
        message: 'settings.kernel.lockdown must be one of none, integrity, confidentiality, not "integrty"',
        suggestion: "integrity",
        line: 2,
        column: 12,
      },
    ],
  });
});
