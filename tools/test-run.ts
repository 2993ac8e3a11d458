/** Runs tests with `bun test` and says what really ran. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTextIfPresent } from "../lib/files.ts";
import { progress } from "../lib/progress.ts";
import { readReport, type TestReport } from "./test-report.ts";

const repository = join(import.meta.dir, "..");

export type TestRun = {
  says: string;
  /** Files, or directories that start with `./`. */
  paths: readonly string[];
  /** Globs of files that are not meant. */
  without?: readonly string[];
  /** Worker processes; tests that boot machines run one at a time. */
  workers: number;
  timeoutMs: number;
  signal: AbortSignal;
};

/** Progress and the output of what failed go to stderr. */
export async function runTests({
  says,
  paths,
  without = [],
  workers,
  timeoutMs,
  signal,
}: TestRun): Promise<TestReport> {
  const directory = await mkdtemp(join(tmpdir(), "tests-"));
  const outfile = join(directory, "report.xml");
  try {
    const child = Bun.spawn(
      [
        process.execPath,
        "--no-orphans",
        "test",
        `--timeout=${timeoutMs}`,
        ...(workers > 1 ? [`--parallel=${workers}`] : []),
        "--reporter=junit",
        `--reporter-outfile=${outfile}`,
        ...without.map((glob) => `--path-ignore-patterns=${glob}`),
        ...paths,
      ],
      { cwd: repository, stdin: "ignore", stdout: "ignore", stderr: "pipe", signal },
    );
    await showProgress(says, child.stderr);
    const exitCode = await child.exited;
    signal.throwIfAborted();
    return readReport(await readTextIfPresent(outfile), exitCode);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A bar for what passed; whatever was printed since the last test is shown when a test fails. */
async function showProgress(says: string, output: ReadableStream<Uint8Array>): Promise<void> {
  using bar = progress(says, undefined, "things");
  let held: string[] = [];
  for await (const line of linesOf(output)) {
    held.push(line);
    if (line.startsWith("(fail)") || line.startsWith("# Unhandled error") || line.startsWith("error:")) {
      process.stderr.write(`${held.join("\n")}\n`);
      held = [];
    } else if (/^\((pass|skip|todo)\)/.test(line)) {
      bar.advance(1);
      bar.detail(line.replace(/^\(\w+\) /, ""));
      held = [];
    } else if (/^\S+\.test\.ts:$/.test(line)) held = [line];
  }
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
