/** The committed lists of executables: a build whose root has other ones fails until a person has looked. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { say } from "../../lib/progress.ts";
import type { Architecture } from "../../variants/variant.ts";
import type { KeyedDirectory } from "../inputs.ts";
import { goldenDifference } from "./executables.ts";

function goldenPath(variant: string, architecture: Architecture): string {
  return join(import.meta.dir, "../executables", `${variant}-${architecture}.golden`);
}

/** The list that the step of a root wrote. */
export async function executablesOf({ directory }: KeyedDirectory): Promise<string> {
  return await readFile(join(directory, "executables.golden"), "utf8");
}

/**
 * Compares the list of a built root with the committed one, or writes it anew.
 *
 * @throws {Failure<"executables-changed">}
 */
export async function checkGolden(
  variant: string,
  architecture: Architecture,
  built: string,
  mode: "check" | "write",
  path = goldenPath(variant, architecture),
): Promise<void> {
  const golden = (await readTextIfPresent(path)) ?? "";
  const difference = goldenDifference(golden, built);
  if (difference.length === 0) return;
  if (mode === "check") {
    const shown = difference.slice(0, 20).join(" ");
    const more = difference.length > 20 ? ` and ${difference.length - 20} more` : "";
    throw new Failure(
      "executables-changed",
      `cannot accept the root: its executables differ from ${path}: ${shown}${more}`,
      {
        hint: "when that is right, write the list anew with `./orlop build --update-golden --variant VARIANT` and commit it",
      },
    );
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, built);
  say(`wrote ${path}: ${difference.length} lines differ`);
}
