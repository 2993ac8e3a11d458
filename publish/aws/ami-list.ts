/** Which image a build became in which region: the file `<name>-amis.json` beside the build, as Bottlerocket's pubsys writes it. */
import { dirname, join } from "node:path";
import { z } from "zod";
import type { FinishedBuild } from "../../image/finished-build.ts";
import { Failure } from "../../lib/failure.ts";
import { writeFileAtomic } from "../../lib/files/files.ts";
import { readRecord } from "../../lib/files/record.ts";

export const amiListSchema = z.record(z.string(), z.strictObject({ id: z.string(), name: z.string() }));

/** By region. */
export type AmiList = z.infer<typeof amiListSchema>;

export function amiListPath({ manifestPath, name }: FinishedBuild): string {
  return join(dirname(manifestPath), `${name}-amis.json`);
}

export async function writeAmiList(build: FinishedBuild, list: AmiList): Promise<void> {
  const known = await knownAmis(build);
  await writeFileAtomic(amiListPath(build), `${JSON.stringify({ ...known, ...list }, undefined, 2)}\n`);
}

/**
 * Of these regions.
 *
 * @throws {Failure<"no-amis">} when the build was not published to one of them
 */
export async function amisIn(build: FinishedBuild, regions: readonly string[]): Promise<AmiList> {
  const known = await knownAmis(build);
  const missing = regions.filter((region) => known[region] === undefined);
  if (missing.length > 0) {
    throw new Failure("no-amis", `cannot use ${build.name}: it has no image in ${missing.join(", ")}`, {
      hint: "publish it with `./orlop publish ami`",
    });
  }
  return Object.fromEntries(Object.entries(known).filter(([region]) => regions.includes(region)));
}

async function knownAmis(build: FinishedBuild): Promise<AmiList> {
  const path = amiListPath(build);
  return (await readRecord(path, amiListSchema, `remove ${path}, and publish once more`)) ?? {};
}
