/** What hostd and the programs that fetch and merge extensions leave for each other. */
import { z } from "zod";
import { readRecord } from "../../lib/files/record.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";
import { bootDirectory, chosenPath } from "./places.ts";

const chosenSchema = z.object({ names: z.array(z.string()) });

/** What became of each at this boot. */
const mergedSchema = z.array(
  z.object({
    name: z.string(),
    /** Why it is not in /usr; absent when it is. */
    reason: z.string().exactOptional(),
  }),
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

export function chosenText(names: string[]): string {
  return `${JSON.stringify({ names } satisfies z.input<typeof chosenSchema>, null, 2)}\n`;
}

export async function readChosen({ root }: Pick<System, "root">): Promise<readonly string[]> {
  return (await readRecord(hostPath({ root }, chosenPath), chosenSchema, remedy))?.names ?? [];
}

/** Undefined when this boot had none to merge. */
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
