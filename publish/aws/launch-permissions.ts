/** Who may start instances from an image, and make volumes from its snapshots. */
import {
  DescribeImageAttributeCommand,
  type LaunchPermission,
  ModifyImageAttributeCommand,
  ModifySnapshotAttributeCommand,
} from "@aws-sdk/client-ec2";
import { Failure } from "../../lib/failure.ts";
import type { RegionAccess } from "./access.ts";
import { atAws } from "./aws-error.ts";
import { describeImage, snapshotsOf } from "./machine-image.ts";

export type Grantees = {
  /** Numbers of accounts. */
  users: readonly string[];
  /** "all" is everybody; AWS has no other. */
  groups: readonly string[];
  /** ARNs. Snapshots cannot be granted to these; instances start all the same. */
  organizations: readonly string[];
  organizationalUnits: readonly string[];
};

export type PermissionChange = { operation: "add" | "remove"; grantees: Grantees };

/** @throws {Failure<"bad-grantee">} */
export function checkGrantees(grantees: Grantees): Grantees {
  const { users, groups, organizations, organizationalUnits } = grantees;
  if ([users, groups, organizations, organizationalUnits].every((names) => names.length === 0)) {
    throw new Failure("bad-grantee", "cannot change permissions: nobody is named", {
      hint: "name somebody with --users, --groups, --organizations or --organizational-units",
    });
  }
  const refuse = (expected: string, names: readonly string[], form: RegExp): void => {
    const wrong = names.find((name) => !form.test(name));
    if (wrong === undefined) return;
    throw new Failure("bad-grantee", `cannot change permissions for ${JSON.stringify(wrong)}: ${expected} is expected`);
  };
  refuse("the 12 digits of an account", users, /^\d{12}$/);
  refuse("the group all", groups, /^all$/);
  refuse("the ARN of an organization", organizations, /^arn:[\w-]+:organizations::\d{12}:organization\/o-\w+$/);
  refuse(
    "the ARN of an organizational unit",
    organizationalUnits,
    /^arn:[\w-]+:organizations::\d{12}:ou\/o-\w+\/ou-[\w-]+$/,
  );
  return grantees;
}

/** First the snapshots, so that nobody sees an image that cannot be started. When permissions go, the image is first. */
export async function changePermissions(
  access: RegionAccess,
  image: string,
  change: PermissionChange,
  signal: AbortSignal,
): Promise<void> {
  const snapshots = snapshotsOf(await describeImage(access, image, signal));
  const steps = [
    async () => {
      for (const snapshot of snapshots) await changeSnapshot(access, snapshot, change, signal);
    },
    async () => await changeImage(access, image, change, signal),
  ];
  for (const step of change.operation === "add" ? steps : steps.toReversed()) await step();
}

async function changeImage(
  { ec2, region }: RegionAccess,
  image: string,
  { operation, grantees }: PermissionChange,
  signal: AbortSignal,
): Promise<void> {
  const named = launchPermissions(grantees);
  const modify = new ModifyImageAttributeCommand({
    ImageId: image,
    LaunchPermission: operation === "add" ? { Add: named } : { Remove: named },
  });
  await atAws(
    `cannot change who may start ${image} in ${region}`,
    async () => await ec2.send(modify, { abortSignal: signal }),
  );
}

async function changeSnapshot(
  { ec2, region }: RegionAccess,
  snapshot: string,
  { operation, grantees: { users, groups } }: PermissionChange,
  signal: AbortSignal,
): Promise<void> {
  if (users.length + groups.length === 0) return;
  const modify = new ModifySnapshotAttributeCommand({
    SnapshotId: snapshot,
    Attribute: "createVolumePermission",
    OperationType: operation,
    ...(users.length === 0 ? {} : { UserIds: [...users] }),
    ...(groups.length === 0 ? {} : { GroupNames: [...groups] }),
  });
  await atAws(
    `cannot change who may use ${snapshot} in ${region}`,
    async () => await ec2.send(modify, { abortSignal: signal }),
  );
}

function launchPermissions({ users, groups, organizations, organizationalUnits }: Grantees): LaunchPermission[] {
  return [
    ...users.map((UserId) => ({ UserId })),
    ...groups.map(() => ({ Group: "all" as const })),
    ...organizations.map((OrganizationArn) => ({ OrganizationArn })),
    ...organizationalUnits.map((OrganizationalUnitArn) => ({ OrganizationalUnitArn })),
  ];
}

/** Those whom the change would really add or remove, as AWS names them: what a dry run shows. */
export async function wouldChange(
  { ec2, region }: RegionAccess,
  image: string,
  { operation, grantees }: PermissionChange,
  signal: AbortSignal,
): Promise<string[]> {
  const ask = new DescribeImageAttributeCommand({ ImageId: image, Attribute: "launchPermission" });
  const { LaunchPermissions = [] } = await atAws(
    `cannot see who may start ${image} in ${region}`,
    async () => await ec2.send(ask, { abortSignal: signal }),
  );
  const present = new Set(LaunchPermissions.map(nameOf));
  return launchPermissions(grantees)
    .map(nameOf)
    .filter((name) => present.has(name) === (operation === "remove"));
}

function nameOf({ UserId, Group, OrganizationArn, OrganizationalUnitArn }: LaunchPermission): string {
  return UserId ?? Group ?? OrganizationArn ?? OrganizationalUnitArn ?? "";
}
