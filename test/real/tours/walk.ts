/**
 * The tours of a page, each block as printed, in order, in a fresh copy of this repository: what a newcomer pastes works
 * without a pause and prints what the page shows.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir, readFile, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { z } from "zod";
import { parseJson } from "../../../lib/text/json.ts";
import { ask, run } from "../../../lib/program/process.ts";
import { workDirectory, type WorkDirectory } from "../../../lib/files/work-directory.ts";
import { missingIn, toursOf, type Tour } from "../../../tools/tours.ts";
import { TourShell } from "../../../tools/tour-shell.ts";

const repository = join(import.meta.dir, "../../..");
/** Where nothing is cached, one command compiles Kubernetes. */
const blockTimeoutMs = 90 * 60_000;

const machines = z.array(z.object({ name: z.string() }));

let fresh: WorkDirectory;
let directory = "";
let log: WriteStream;
/** As a person has it: the runner of tests tells Bun to end with a program whatever it started, and machines go on. */
const env = (): Record<string, string | undefined> => ({
  ...process.env,
  BUN_FEATURE_FLAG_NO_ORPHANS: undefined,
  XDG_CONFIG_HOME: join(directory, ".config"),
});

/**
 * Declares the tests of a page. All that its tours print is kept as it came, in `build/tours.log` for the README.
 *
 * @param page from the root of the repository
 * @param how whether a copy knows its commit, as a release has to
 */
export async function walkTours(page: string, how: "files" | "committed" = "files"): Promise<void> {
  const tours = toursOf(await readFile(join(repository, page), "utf8"));
  const name = page === "README.md" ? "tours" : `tours-${basename(page, ".md")}`;
  beforeAll(async () => {
    await mkdir(join(repository, "build"), { recursive: true });
    log = createWriteStream(join(repository, "build", `${name}.log`));
    fresh = await workDirectory(join(tmpdir(), "orlop-tours"));
    directory = fresh.path;
    const { stdout } = await run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: repository,
    });
    const files = stdout.split("\0").filter((file) => file !== "");
    await run(["cp", "--parents", "--no-dereference", "--target-directory", directory, ...files], { cwd: repository });
    if (how === "committed") await commitAll(directory);
  });

  afterAll(async () => {
    await fresh[Symbol.asyncDispose]();
    log.end();
  });

  describe.each(tours)("$name", ({ blocks }: Tour) => {
    let shell: TourShell;
    let lost: string | undefined;
    beforeAll(async () => {
      shell = await TourShell.start(blocks, { cwd: directory, env: env(), log: (text) => void log.write(text) });
    });
    afterAll(async () => {
      await shell[Symbol.asyncDispose]();
      if (lost !== undefined) await endAll();
    });

    test.each(blocks.map((block, at) => ({ ...block, at, first: block.commands.split("\n", 1)[0] })))(
      "line $line: $first",
      async ({ at, line, shows, fails }) => {
        if (lost !== undefined) throw new Error(`not walked: the tour was lost at ${lost}`);
        lost = `line ${line}`;
        const { output, exitCodes } = await shell.result(at);
        // What is printed otherwise than shown leaves the next commands as they are.
        if (Bun.deepEquals(exitCodes, [...fails])) lost = undefined;
        expect({ exitCodes, missing: missingIn(output, shows), output }).toEqual({
          exitCodes: [...fails],
          missing: undefined,
          output,
        });
      },
      blockTimeoutMs,
    );
  });
}

/** The same files have the same commit. */
async function commitAll(cwd: string): Promise<void> {
  const time = "2026-01-01T00:00:00Z";
  const env = { ...process.env, GIT_AUTHOR_DATE: time, GIT_COMMITTER_DATE: time };
  const author = ["-c", "user.name=Tours", "-c", "user.email=tours@tours.example"];
  for (const words of [
    ["init", "--quiet"],
    ["add", "--all"],
    [...author, "commit", "--quiet", "--message", "tours: begin"],
  ]) {
    await run(["git", ...words], { cwd, env });
  }
}

/** What a tour that was lost has left running. What does not run cannot be ended, which is no matter. */
async function endAll(): Promise<void> {
  const orlop = async (...words: string[]) =>
    await ask([join(directory, "orlop"), ...words], { cwd: directory, env: env() });
  const { stdout } = await orlop("status", "--json");
  for (const { name } of machines.parse(parseJson(stdout))) {
    log.write(`\n--- the console of ${name}:\n${(await orlop("logs", name)).stdout}`);
    await orlop("down", name);
  }
  await orlop("cluster", "down");
  await orlop("registry", "--stop");
  const repositories = (await readdir(directory)).filter((name) => name.endsWith("updates"));
  for (const repository of repositories) await orlop("repo", "serve", repository, "--stop");
}
