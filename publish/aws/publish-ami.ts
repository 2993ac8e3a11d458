/** A build becomes a machine image: snapshot, image in the first region, copies in the others. Done twice, it is done once. */
import { dirname, join } from "node:path";
import { artefactOf, type FinishedBuild } from "../../image/finished-build.ts";
import type { Clock } from "../../lib/clock.ts";
import { Failure } from "../../lib/failure.ts";
import { removeIfPresent } from "../../lib/files/files.ts";
import { say } from "../../lib/progress.ts";
import { accountOf, type RegionAccess } from "./access.ts";
import type { AmiList } from "./ami-list.ts";
import { atAws } from "./aws-error.ts";
import { blocksOf, volumeGib as gibOf } from "./disk-blocks.ts";
import { changePermissions } from "./launch-permissions.ts";
import { copyImage, findImage, registerImage, untilAvailable } from "./machine-image.ts";
import { uploadSnapshot } from "./snapshot.ts";

export type AmiOptions = {
  /** Of the image, unique among the account's in a region; the build's unless given. */
  name?: string | undefined;
  description?: string | undefined;
  volumeGib: number;
  tpm: boolean;
  clock: Clock;
  signal: AbortSignal;
};

/** What is there, and so what is left to do. */
export type AmiPlan = {
  name: string;
  first: { region: string; image: string | undefined };
  copies: { region: string; image: string | undefined }[];
};

/** Looks, and changes nothing. @param regions the first is the one that images are made in */
export async function planAmi(
  regions: readonly [RegionAccess, ...RegionAccess[]],
  build: FinishedBuild,
  { name = build.name, signal }: Pick<AmiOptions, "name" | "signal">,
): Promise<AmiPlan> {
  const look = async (access: RegionAccess) => ({
    region: access.region,
    image: await findImage(access, name, signal),
  });
  const [first, ...rest] = regions;
  return { name, first: await look(first), copies: await Promise.all(rest.map(look)) };
}

/** As lines for people. */
export function describePlan({ name, first, copies }: AmiPlan): string[] {
  const line = (region: string, image: string | undefined, intention: string): string =>
    image === undefined ? `${region}: ${intention}` : `${region}: ${image} is there`;
  return [
    line(first.region, first.image, `would upload a snapshot and register ${name}`),
    ...copies.map(({ region, image }) => line(region, image, `would copy it from ${first.region}`)),
  ];
}

/** @throws {Failure<"volume-too-small" | "snapshot-failed" | "image-failed" | "aws-refused">} */
export async function publishAmi(
  regions: readonly [RegionAccess, ...RegionAccess[]],
  build: FinishedBuild,
  options: AmiOptions,
): Promise<AmiList> {
  const { clock, signal } = options;
  const plan = await planAmi(regions, build, options);
  const { name } = plan;
  const [home, ...targets] = regions;
  const image = plan.first.image ?? (await makeImage(home, build, name, options));
  await untilAvailable(home, image, { clock, signal });
  await grantCopying(home, targets, image, signal);
  const description = options.description ?? name;
  const copies = await Promise.all(
    targets.map(async (access) => {
      const known = plan.copies.find(({ region }) => region === access.region)?.image;
      const copy = known ?? (await copyImage(access, { region: home.region, image }, { name, description }, signal));
      await untilAvailable(access, copy, { clock, signal });
      say(`${access.region}: ${copy}`);
      return [access.region, { id: copy, name }] as const;
    }),
  );
  return Object.fromEntries([[home.region, { id: image, name }], ...copies]);
}

async function makeImage(home: RegionAccess, build: FinishedBuild, name: string, options: AmiOptions): Promise<string> {
  const { clock, signal, volumeGib, tpm, description = name } = options;
  const disk = await blocksOf(await artefactOf(build, build.manifest.disk), signal);
  if (volumeGib < gibOf(disk)) {
    throw new Failure(
      "volume-too-small",
      `cannot register ${name} with volumes of ${volumeGib} GiB: the image has ${gibOf(disk)} GiB`,
    );
  }
  const record = join(dirname(build.manifestPath), `.${build.name}.${home.region}.upload.json`);
  const snapshot = await atAws(
    `cannot upload ${name} to ${home.region}`,
    async () => await uploadSnapshot(home, disk, { description: name, record, clock, signal }),
  );
  const { architecture } = build.manifest;
  const image = await registerImage(home, { name, description, architecture, snapshot, volumeGib, tpm }, signal);
  await removeIfPresent(record);
  say(`${home.region}: ${image}`);
  return image;
}

/** Regions whose role belongs to another account copy what that account may use. */
async function grantCopying(
  home: RegionAccess,
  targets: readonly RegionAccess[],
  image: string,
  signal: AbortSignal,
): Promise<void> {
  const own = await accountOf(home, signal);
  const accounts = new Set(await Promise.all(targets.map(async (access) => await accountOf(access, signal))));
  accounts.delete(own);
  if (accounts.size === 0) return;
  const grantees = { users: [...accounts], groups: [], organizations: [], organizationalUnits: [] };
  await changePermissions(home, image, { operation: "add", grantees }, signal);
}
