/** Partitions of an image, by the labels that `image/disk/layout.ts` gives them. */
import { dirname } from "node:path";
import { z } from "zod";
import { runTool, type ToolsRoot } from "../../image/packages/tools-root.ts";
import { Failure } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";

const sectorBytes = 512;

const partitionTable = z.object({
  partitiontable: z.object({
    partitions: z.array(z.object({ name: z.string().optional(), start: z.number(), size: z.number() })),
  }),
});

/**
 * Where a partition is on the disk, in bytes.
 *
 * @throws {Failure<"no-partition">}
 */
export async function partitionOf(
  tools: ToolsRoot,
  image: string,
  label: string,
): Promise<{ offset: number; length: number }> {
  const { stdout } = await runTool(tools, ["sfdisk", "--json", image], { readOnlyBinds: [dirname(image)] });
  const { partitions } = partitionTable.parse(parseJson(stdout)).partitiontable;
  const found = partitions.find(({ name }) => name === label);
  if (found !== undefined) return { offset: found.start * sectorBytes, length: found.size * sectorBytes };
  throw new Failure("no-partition", `cannot find the partition ${label} on ${image}: it has none of that name`);
}
