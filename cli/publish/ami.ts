/** `./orlop publish ami`, `publish grant` and `publish revoke` */
import type { Options } from "../../lib/command/command.ts";
import { machineClock } from "../../lib/clock.ts";
import { verb } from "../context.ts";
import { awsOptions, buildArgument, parseCount, parseNames } from "./options.ts";

/** Room for the data partition beside the 2 GiB of the image, as in Bottlerocket's second volume. */
const usualVolumeGib = "22";

export const publishAmi = verb({
  name: "publish ami",
  summary: "Register a build as an Amazon Machine Image, in every region of Infra.toml",
  description: `The disk image becomes a snapshot of the first region, block by block and checked; the image is registered from it
and copied to the other regions. What is there already is left as it is, and an upload that broke off goes on.
The list of images is written beside the build.`,
  examples: [
    { run: "./orlop publish ami build/aws --dry-run", description: "what is there and what would be made" },
    { run: "./orlop publish ami build/aws --tpm", description: "instances get a TPM" },
  ],
  arguments: { build: buildArgument },
  options: {
    ...awsOptions,
    name: { type: "text", value: "NAME", help: "Of the image; that of the build unless given" },
    description: { type: "text", value: "TEXT", help: "Of the image; its name unless given" },
    "volume-size": {
      type: "text",
      value: "GIB",
      help: "Of the volume that instances start with; what is beyond the image holds containers and data",
      default: usualVolumeGib,
      parse: parseCount,
    },
    tpm: { type: "boolean", help: "Instances have a TPM 2.0" },
  },
  async run({ invocation: { signal } }, values) {
    const { awsFrom } = await import("./aws.ts");
    const { readBuild } = await import("../../image/finished-build.ts");
    const { describePlan, planAmi, publishAmi: publish } = await import("../../publish/aws/publish-ami.ts");
    const { writeAmiList } = await import("../../publish/aws/ami-list.ts");
    const [{ regions }, build] = [await awsFrom(values), await readBuild(values.build)];
    const { name, description, tpm } = values;
    if (values["dry-run"]) return { plan: describePlan(await planAmi(regions, build, { name, signal })) };
    const images = await publish(regions, build, {
      name,
      description,
      tpm,
      volumeGib: values["volume-size"],
      clock: machineClock,
      signal,
    });
    await writeAmiList(build, images);
    return { images };
  },
  print: ({ plan, images = {} }) =>
    (plan ?? Object.entries(images).map(([region, { id, name }]) => `${region}  ${id}  ${name}`)).join("\n"),
});

const granteeOptions = {
  users: { type: "text", value: "ACCOUNT,…", help: "Numbers of accounts", parse: parseNames },
  groups: { type: "text", value: "all", help: "Everybody", parse: parseNames },
  organizations: { type: "text", value: "ARN,…", help: "ARNs of organizations", parse: parseNames },
  "organizational-units": { type: "text", value: "ARN,…", help: "ARNs of organizational units", parse: parseNames },
} as const satisfies Options;

type GranteeValues = {
  build: string;
  infra: string;
  regions: readonly string[] | undefined;
  "dry-run": boolean;
  users: readonly string[] | undefined;
  groups: readonly string[] | undefined;
  organizations: readonly string[] | undefined;
  "organizational-units": readonly string[] | undefined;
};

type Changed = { region: string; id: string; grantees: string[] };

async function change(operation: "add" | "remove", values: GranteeValues, signal: AbortSignal): Promise<Changed[]> {
  const { awsFrom } = await import("./aws.ts");
  const { readBuild } = await import("../../image/finished-build.ts");
  const { changePermissions, checkGrantees, wouldChange } = await import("../../publish/aws/launch-permissions.ts");
  const { amisIn } = await import("../../publish/aws/ami-list.ts");
  const grantees = checkGrantees({
    users: values.users ?? [],
    groups: values.groups ?? [],
    organizations: values.organizations ?? [],
    organizationalUnits: values["organizational-units"] ?? [],
  });
  const [{ regions }, build] = [await awsFrom(values), await readBuild(values.build)];
  const images = await amisIn(
    build,
    regions.map(({ region }) => region),
  );
  const changed: Changed[] = [];
  for (const access of regions) {
    const id = images[access.region]?.id ?? "";
    const asked = { operation, grantees };
    changed.push({ region: access.region, id, grantees: await wouldChange(access, id, asked, signal) });
    if (!values["dry-run"]) await changePermissions(access, id, asked, signal);
  }
  return changed;
}

const describeChanges =
  (verbs: { done: string; planned: string }) =>
  (changes: readonly Changed[], values: { "dry-run": boolean }): string =>
    changes
      .map(({ region, id, grantees }) => {
        if (grantees.length === 0) return `${region}  ${id}  is so already`;
        return `${region}  ${id}  ${values["dry-run"] ? verbs.planned : verbs.done} ${grantees.join(", ")}`;
      })
      .join("\n");

export const publishGrant = verb({
  name: "publish grant",
  summary: "Let others start instances from a build's images",
  examples: [
    { run: "./orlop publish grant build/aws --users 123456789012", description: "another account" },
    { run: "./orlop publish grant build/aws --groups all", description: "everybody" },
  ],
  arguments: { build: buildArgument },
  options: { ...awsOptions, ...granteeOptions },
  run: async ({ invocation: { signal } }, values) => await change("add", values, signal),
  print: describeChanges({ done: "granted to", planned: "would be granted to" }),
});

export const publishRevoke = verb({
  name: "publish revoke",
  summary: "Take that back",
  examples: [{ run: "./orlop publish revoke build/aws --groups all", description: "it is private again" }],
  arguments: { build: buildArgument },
  options: { ...awsOptions, ...granteeOptions },
  run: async ({ invocation: { signal } }, values) => await change("remove", values, signal),
  print: describeChanges({ done: "taken from", planned: "would be taken from" }),
});
