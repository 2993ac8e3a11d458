/** The root as a file: EROFS, compressed, with sorted content and fixed times and owners. */
import { dirname } from "node:path";
import { derivedUuid } from "../derived-uuid.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";

/** Chosen by measurement: `docs/decisions/` has the figures. */
const compression = ["-zlz4hc,9", "-C65536"];

export async function compressRoot(
  tools: ToolsRoot,
  root: string,
  output: string,
  { key, epochSeconds }: { key: string; epochSeconds: number },
): Promise<void> {
  await runTool(
    tools,
    [
      "mkfs.erofs",
      "--quiet",
      ...compression,
      `-T${epochSeconds}`,
      "--all-root",
      `-U${derivedUuid("root", key)}`,
      // The order in which hosts find files must not depend on the builder's file system.
      "--workers=2",
      output,
      root,
    ],
    { binds: [dirname(output)], readOnlyBinds: [root] },
  );
}
