/** Which state of the source an image is built from: part of its name and of os-release. */
import { Failure, isFailure } from "../lib/failure.ts";
import { run } from "../lib/program/process.ts";

/** Eight digits of the commit, with "-dirty" when the work tree differs from it; "00000000" outside of git. */
export async function commitOf(directory: string): Promise<string> {
  try {
    const { stdout } = await run(["git", "rev-parse", "--short=8", "HEAD"], { cwd: directory });
    const { stdout: changes } = await run(["git", "status", "--porcelain", "--untracked-files=normal"], {
      cwd: directory,
    });
    return `${stdout.trim()}${changes.trim() === "" ? "" : "-dirty"}`;
  } catch (error) {
    if (isFailure(error, "exit-status", "no-such-program")) return "00000000";
    throw error;
  }
}

/** @throws {Failure<"bad-version">} unless it is "major.minor.patch" */
export function checkVersion(version: string): string {
  if (/^\d+\.\d+\.\d+$/.test(version)) return version;
  throw new Failure("bad-version", `cannot build version ${JSON.stringify(version)}: expected three numbers, as 1.2.3`);
}
