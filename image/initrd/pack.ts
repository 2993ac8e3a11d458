/** Makes an archive that the kernel unpacks. Source: "initramfs buffer format" of the kernel. */
import { dirname } from "node:path";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { setTimes, walk } from "../root/tree.ts";

/** Writes the archive with sorted names, fixed times and owners. */
export async function packInitrd(tools: ToolsRoot, tree: string, output: string, epochSeconds: number): Promise<void> {
  const entries = await walk(tree);
  await setTimes(tree, epochSeconds);
  await runTool(
    tools,
    [
      "cpio",
      "--create",
      "--quiet",
      "--format=newc",
      "--reproducible",
      "--null",
      "--owner=+0:+0",
      `--directory=${tree}`,
      `--file=${output}`,
    ],
    { binds: [...new Set([tree, dirname(output)])], stdin: entries.map(({ path }) => path).join("\0") },
  );
}
