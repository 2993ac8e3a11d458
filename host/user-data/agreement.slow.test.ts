/**
 * Protects: what the host would refuse, `userdata check` refuses on the laptop, and the other way round, with the same
 * problems at the same places.
 */
import { expect, test } from "bun:test";
import { assert, asyncProperty } from "fast-check";
import { checkDocument } from "../../settings/document/check.ts";
import { modelFor } from "../../settings/model/model.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { mutated, userDataSamples } from "../../test/worlds/host/user-data.ts";
import { variantNamed } from "../../variants/all.ts";
import { readUserData } from "./user-data.ts";

const path = "/var/lib/orlop/user-data.toml";
const timeoutMs = 60_000;

test(
  "thousands of mutated files get the same verdict from `userdata check` and from a host that boots with them",
  async () => {
    await using host = await testSystem();
    const verdicts = { accepted: 0, refused: 0 };
    const samples = await userDataSamples();
    const { signal } = new AbortController();
    await assert(
      asyncProperty(mutated(samples), async ({ text, variant: name }) => {
        // Only a file is looked at here, whatever else the platform has.
        const variant = { ...variantNamed(name), userData: ["local-file"] as const };
        const model = modelFor(variant);
        await host.write(path, text);
        const report = checkDocument(Buffer.from(text), model);
        const { values, problems } = await readUserData({ system: host.system, variant, model }, signal);
        const onHost = problems.map(({ message, ...problem }) => ({
          ...problem,
          message: message.replace(`${path}: `, ""),
        }));
        expect(byPlace(onHost)).toEqual(byPlace(report.problems));
        if (!report.valid) expect(values.size).toBe(0);
        verdicts[report.valid ? "accepted" : "refused"]++;
      }),
      { numRuns: 2000 },
    );
    expect(verdicts.accepted).toBeGreaterThan(100);
    expect(verdicts.refused).toBeGreaterThan(500);
  },
  timeoutMs,
);

function byPlace(problems: readonly object[]): string[] {
  return problems
    .map((problem) => JSON.stringify(problem, ["key", "line", "column", "message", "suggestion"]))
    .toSorted();
}
