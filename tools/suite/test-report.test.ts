import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readReport, reportText, sum, type TestReport } from "./test-report.ts";
import { runTests } from "./test-run.ts";

/** Runs a real `bun test` over one file with this content, with what a person would see of its failures. */
async function sample(source: string): Promise<{ report: TestReport; shown: string }> {
  let shown = "";
  const directory = await mkdtemp(join(tmpdir(), "report-"));
  try {
    const file = join(directory, "sample.test.ts");
    await Bun.write(file, `import { afterAll, describe, expect, test } from "bun:test";\n${source}`);
    const { signal } = new AbortController();
    const showFailure = (output: string): void => void (shown += `${output}\n`);
    const report = await runTests({
      label: "a sample",
      paths: [file],
      workers: 1,
      timeoutMs: 5000,
      signal,
      showFailure,
    });
    return { report, shown };
  } finally {
    await rm(directory, { recursive: true });
  }
}

test("what passed, failed and was skipped is told apart, and failures are named", async () => {
  const { report, shown } = await sample(`
    test("good", () => {});
    test.skip("left out", () => {});
    test.todo("later");
    describe("a <group>", () => {
      test("bad & worse", () => expect(1).toBe(2));
    });
  `);
  expect(report).toMatchObject({ passed: 1, failed: 1, skipped: 2 });
  expect(report.failures[0]).toEndWith("sample.test.ts > a <group> > bad & worse");
  expect(shown).toContain("(fail) a <group> > bad & worse");
});

test("the output of a test is shown only when it fails, whatever it looks like", async () => {
  const { report, shown } = await sample(`
    test("noisy and good", () => console.error(["error:", "an expected one"].join(" ")));
    test("noisy and bad", () => { console.error("error: the reason"); expect(1).toBe(2); });
  `);
  expect(report).toMatchObject({ passed: 1, failed: 1 });
  expect(shown).toContain("error: the reason");
  expect(shown).not.toContain("error: an expected one");
});

test("a file that cannot be loaded is a failure", async () => {
  const { report, shown } = await sample(`throw new Error("cannot load");`);
  expect(shown).toContain("cannot load");
  expect(report).toMatchObject({ passed: 0, failed: 1 });
});

test("an error outside of every test is a failure", async () => {
  const { report, shown } = await sample(`test("good", () => {}); afterAll(() => { throw new Error("loose"); });`);
  expect(shown).toContain("loose");
  expect(report.failed).toBeGreaterThan(0);
});

test("a run that ends itself is a failure, even with exit code 0", async () => {
  expect((await sample("process.exit(0);")).report).toMatchObject({ passed: 0, failed: 1 });
});

test("no report is a failure, and reports add up", () => {
  const lost = readReport(undefined, 0);
  expect(lost).toMatchObject({ passed: 0, failed: 1 });
  const good = { passed: 2, failed: 0, skipped: 1, failures: [], slowest: [] };
  expect(sum([good, lost, good])).toEqual({ passed: 4, failed: 1, skipped: 2, failures: lost.failures, slowest: [] });
});

test("the slowest are told, with the time of hooks apart, and the count is the last line", async () => {
  const { report } = await sample(`
    import { beforeAll } from "bun:test";
    beforeAll(() => Bun.sleep(300));
    test("waits", () => Bun.sleep(100));
    for (let at = 0; at < 20; at++) test("quick " + at, () => {});
  `);
  expect(report.slowest).toHaveLength(10);
  const [hooks, waits] = report.slowest;
  expect(hooks?.name).toEndWith("sample.test.ts > its hooks");
  expect(hooks?.seconds).toBeGreaterThanOrEqual(0.29);
  expect(waits?.name).toEndWith("sample.test.ts > waits");
  const merged = sum([report, { ...report, slowest: [{ name: "longest", seconds: 125 }] }]);
  expect(merged.slowest).toHaveLength(10);
  const lines = reportText(merged).split("\n");
  expect(lines[0]).toEndWith("2 min 5 s  longest");
  expect(lines.at(-1)).toBe("42 passed, 0 failed");
});
