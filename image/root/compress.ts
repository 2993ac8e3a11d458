/** The root as a file: EROFS, compressed, with sorted content and fixed times and owners. */
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { derivedUuid } from "../derived-uuid.ts";
import { runTool, type ToolsRoot } from "../packages/tools-root.ts";
import { fileContextsPath } from "../policy/policy.ts";

/** Chosen by measurement: `docs/decisions/` has the figures. */
const compression = ["-zlz4hc,9", "-C65536"];

/** Files by regular expression that are stored as they are: every boot reads most of the host's program at once. */
const uncompressed = ["^usr/bin/orlop$"];

export async function compressRoot(
  tools: ToolsRoot,
  root: string,
  output: string,
  {
    key,
    epochSeconds,
    labels = join(root, fileContextsPath),
  }: {
    key: string;
    epochSeconds: number;
    /** Which label a path has; the root's own list unless given. */
    labels?: string;
  },
): Promise<void> {
  const hints = join(dirname(output), "compress-hints");
  await writeFile(hints, uncompressed.map((pattern) => `0 ${pattern}\n`).join(""));
  await runTool(
    tools,
    [
      "mkfs.erofs",
      "--quiet",
      ...compression,
      `--compress-hints=${hints}`,
      `--file-contexts=${labels}`,
      `-T${epochSeconds}`,
      "--all-root",
      `-U${derivedUuid("root", key)}`,
      // The order in which hosts find files must not depend on the builder's file system.
      "--workers=2",
      output,
      root,
    ],
    { binds: [dirname(output)], readOnlyBinds: [root, labels] },
  );
  await rm(hints);
}
