/** Runs tests with `bun test`, and reads from its report what really ran. */
import { deferred } from "../../lib/deferred.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { start } from "../../lib/program/program.ts";
import { progress, say } from "../../lib/progress.ts";
import { readReport, type TestReport } from "./test-report.ts";

const repository = join(import.meta.dir, "../..");

export type TestRun = {
  label: string;
  /** Of files, from `./` on. */
  paths: readonly string[];
  /** Files at a time. */
  workers: number;
  timeoutMs: number;
  signal: AbortSignal;
  /** Gets the output of each test that failed; a person at the terminal unless given. */
  showFailure?: (output: string) => void;
};

/** Progress goes to stderr. */
export async function runTests({
  label,
  paths,
  workers,
  timeoutMs,
  signal,
  showFailure = say,
}: TestRun): Promise<TestReport> {
  const directory = await mkdtemp(join(tmpdir(), "tests-"));
  const outfile = join(directory, "report.xml");
  await using _removal = deferred(async () => {
    await rm(directory, { recursive: true, force: true });
  });
  await using child = start(
    [
      process.execPath,
      "--no-orphans",
      "test",
      `--timeout=${timeoutMs}`,
      ...(workers > 1 ? [`--parallel=${workers}`] : []),
      "--reporter=junit",
      `--reporter-outfile=${outfile}`,
      ...paths,
    ],
    { cwd: repository, stdout: "ignore", stderr: "pipe", signal },
  );
  await follow(child.stderr, label, showFailure);
  const exitCode = await child.exited;
  signal.throwIfAborted();
  return readReport(await readTextIfPresent(outfile), exitCode);
}

/** A bar for what passed. What was printed since the last result belongs to the next one: it is shown when that is a failure. */
async function follow(
  output: ReadableStream<Uint8Array>,
  label: string,
  showFailure: (output: string) => void,
): Promise<void> {
  using bar = progress(label, undefined, "things");
  let lines: string[] = [];
  let hasFailed = false;
  const showLines = (): void => {
    if (hasFailed) showFailure(lines.join("\n"));
    lines = [];
    hasFailed = false;
  };
  for await (const line of linesOf(output)) {
    lines.push(line);
    // An error outside of every test has no result of its own; it ends where the next result begins.
    if (line.startsWith("(fail)") || line.startsWith("# Unhandled error")) hasFailed = true;
    if (/^\((pass|skip|todo|fail)\)/.test(line)) {
      bar.advance(1);
      bar.detail(line.replace(/^\(\w+\) /, ""));
      showLines();
    } else if (/^\S+\.test\.ts:$/.test(line)) {
      showLines();
      lines = [line];
    }
  }
  showLines();
}

async function* linesOf(output: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of output) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
