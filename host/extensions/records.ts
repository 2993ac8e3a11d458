/** What hostd and the programs that fetch and merge extensions leave for each other. */
import { z } from "zod";
import { readRecord } from "../../lib/files/record.ts";
import { removeIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";
import { bootDirectory, bootListPath, chosenPath } from "./places.ts";

const chosenSchema = z.object({ names: z.array(z.string()) });

/** What became of each at this boot: it is in /usr, it was not on the data partition, or something is wrong with it. */
const mergedSchema = z.array(
  z.discriminatedUnion("state", [
    z.object({ name: z.string(), state: z.enum(["active", "absent"]) }),
    z.object({ name: z.string(), state: z.literal("refused"), reason: z.string() }),
  ]),
);
export type Merged = z.infer<typeof mergedSchema>;

/** What could not be had in this boot, of which version of the OS. */
const lackingSchema = z.array(
  z.object({
    name: z.string(),
    version: z.string(),
    /** Why. */
    reason: z.string(),
    /** Of the target that came and was refused: it is not fetched twice. */
    digest: z.string().exactOptional(),
  }),
);
export type Lacking = z.infer<typeof lackingSchema>;

const mergedPath = `${bootDirectory}/merged.json`;
const lackingPath = `${bootDirectory}/lacking.json`;
const remedy = "reboot: it is written anew at every boot";

export function chosenText(names: readonly string[]): string {
  return `${JSON.stringify({ names: [...names] } satisfies z.input<typeof chosenSchema>, null, 2)}\n`;
}

export async function readChosen({ root }: Pick<System, "root">): Promise<readonly string[]> {
  return (await readRecord(hostPath({ root }, chosenPath), chosenSchema, remedy))?.names ?? [];
}

/** Those that this boot is to put into /usr, as hostd wrote down before it let the boot go on. */
export async function readBootList({ root }: Pick<System, "root">): Promise<readonly string[]> {
  return (await readRecord(hostPath({ root }, bootListPath), chosenSchema, remedy))?.names ?? [];
}

export async function writeBootList({ root }: Pick<System, "root">, names: readonly string[]): Promise<void> {
  const path = hostPath({ root }, bootListPath);
  if (names.length > 0) await writeFileAtomic(path, chosenText(names));
  else await removeIfPresent(path);
}

/** Undefined until this boot has put into /usr what it puts there. */
export async function readMerged({ root }: Pick<System, "root">): Promise<Merged | undefined> {
  return await readRecord(hostPath({ root }, mergedPath), mergedSchema, remedy);
}

export async function writeMerged({ root }: Pick<System, "root">, merged: Merged): Promise<void> {
  await writeFileAtomic(hostPath({ root }, mergedPath), `${JSON.stringify(merged)}\n`);
}

export async function readLacking({ root }: Pick<System, "root">): Promise<Lacking> {
  return (await readRecord(hostPath({ root }, lackingPath), lackingSchema, remedy)) ?? [];
}

export async function writeLacking({ root }: Pick<System, "root">, lacking: Lacking): Promise<void> {
  await writeFileAtomic(hostPath({ root }, lackingPath), `${JSON.stringify(lacking)}\n`);
}
