/**
 * Python packages that tests need: wheels by hash, fetched by this machine's pip as it is configured, kept in the
 * builder's cache, and run by the Python of the tools root.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheDirectory, moveInto, workInCache } from "../../../image/packages/cache.ts";
import { machineArchitecture, openToolsRoot, runTool, toolCommand } from "../../../image/packages/tools-root.ts";
import { isPresent } from "../../../lib/files/files.ts";
import { run } from "../../../lib/program/process.ts";
import type { Argv } from "../../../lib/program/program.ts";

/** That of the tools root. */
const pythonVersion = "3.13";
const platforms = ["manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014"];

export type PythonPackages = {
  /** The command that runs Python with these packages. */
  python(argv: Argv, binds?: readonly string[]): Promise<Argv>;
};

/** @param requirements a file of pip, with versions and hashes */
export async function pythonPackages(requirements: string): Promise<PythonPackages> {
  const key = createHash("sha256")
    .update(await readFile(requirements))
    .update(pythonVersion)
    .digest("hex");
  const directory = join(cacheDirectory(), "tools", `python-${key.slice(0, 20)}`);
  const tools = await openToolsRoot();
  if (!(await isPresent(directory))) {
    await using work = await workInCache(cacheDirectory());
    await run(["python3", "-m", "pip", ...installation(requirements, work.path)]);
    await runTool(tools, ["python3", "-m", "compileall", "-q", work.path], { binds: [work.path] });
    await moveInto(directory, work);
  }
  return {
    python: async (argv, binds = []) =>
      toolCommand(tools, ["python3", ...argv], {
        readOnlyBinds: [directory, ...binds],
        env: { PYTHONPATH: directory, PYTHONDONTWRITEBYTECODE: "1" },
      }),
  };
}

function installation(requirements: string, target: string): string[] {
  const architecture = machineArchitecture();
  return [
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--root-user-action=ignore",
    "--no-deps",
    "--require-hashes",
    "--only-binary=:all:",
    `--python-version=${pythonVersion}`,
    "--implementation=cp",
    ...["cp313", "abi3", "none"].map((abi) => `--abi=${abi}`),
    ...platforms.map((platform) => `--platform=${platform}_${architecture}`),
    `--target=${target}`,
    `--requirement=${requirements}`,
  ];
}
