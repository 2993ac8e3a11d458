/** Amazon Machine Images: registering one, finding it, waiting for it. */
import {
  CopyImageCommand,
  DescribeImagesCommand,
  type Image,
  RegisterImageCommand,
  type RegisterImageCommandInput,
} from "@aws-sdk/client-ec2";
import { type Clock, deadline } from "../../lib/clock.ts";
import { assert, Failure } from "../../lib/failure.ts";
import type { Architecture } from "../../variants/variant.ts";
import type { RegionAccess } from "./access.ts";
import { atAws } from "./aws-error.ts";
import { pauses } from "./pauses.ts";

export type Registration = {
  name: string;
  description: string;
  architecture: Architecture;
  snapshot: string;
  /** Of the volume that instances start with. What is beyond the image becomes their data partition. */
  volumeGib: number;
  /** Instances have a TPM 2.0 of the hypervisor's. */
  tpm: boolean;
};

const architectures = { x86_64: "x86_64", aarch64: "arm64" } as const satisfies Record<Architecture, string>;
const rootDevice = "/dev/xvda";

/** Copies go through S3, which takes minutes for each GiB. */
const availableMs = 2 * 3_600_000;
/** DescribeImages is not of one mind with itself for a while after a change. */
const answersInARow = 3;
const betweenAnswersMs = 1_000;

/** UEFI, since there is no other boot loader; IMDSv2 only, for the host asks in no other way. */
export function registerInput(image: Registration): RegisterImageCommandInput {
  const { name, description, architecture, snapshot, volumeGib, tpm } = image;
  return {
    Name: name,
    Description: description,
    Architecture: architectures[architecture],
    VirtualizationType: "hvm",
    BootMode: "uefi",
    EnaSupport: true,
    SriovNetSupport: "simple",
    ImdsSupport: "v2.0",
    ...(tpm ? { TpmSupport: "v2.0" } : {}),
    RootDeviceName: rootDevice,
    BlockDeviceMappings: [
      {
        DeviceName: rootDevice,
        Ebs: { SnapshotId: snapshot, VolumeSize: volumeGib, VolumeType: "gp3", DeleteOnTermination: true },
      },
    ],
    TagSpecifications: [{ ResourceType: "image", Tags: [{ Key: "Name", Value: name }] }],
  };
}

export async function registerImage(
  { ec2, region }: RegionAccess,
  image: Registration,
  signal: AbortSignal,
): Promise<string> {
  const { ImageId } = await atAws(
    `cannot register ${image.name} in ${region}`,
    async () => await ec2.send(new RegisterImageCommand(registerInput(image)), { abortSignal: signal }),
  );
  assert(ImageId !== undefined, "an image that was registered has a name");
  return ImageId;
}

/** The account's own image of this name, which is unique in a region. */
export async function findImage(
  { ec2, region }: RegionAccess,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const find = new DescribeImagesCommand({ Owners: ["self"], Filters: [{ Name: "name", Values: [name] }] });
  const { Images = [] } = await atAws(
    `cannot look for ${name} in ${region}`,
    async () => await ec2.send(find, { abortSignal: signal }),
  );
  return Images[0]?.ImageId;
}

/** @throws {Failure<"image-failed">} when it is none, or will not become available */
export async function untilAvailable(
  access: RegionAccess,
  image: string,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<Image> {
  const end = deadline(clock, availableMs);
  let seen = 0;
  for (const pause of pauses()) {
    const described = await describeImage(access, image, signal);
    const { State: state = "gone" } = described;
    seen = state === "available" ? seen + 1 : 0;
    if (seen === answersInARow) return described;
    if ((state !== "pending" && state !== "available") || end.passed) {
      throw new Failure(
        "image-failed",
        `cannot use ${image} in ${access.region}: it is ${state}${described.StateReason?.Message === undefined ? "" : `: ${described.StateReason.Message}`}`,
      );
    }
    await clock.sleep(state === "available" ? betweenAnswersMs : pause, signal);
  }
  throw new Error("bug: pauses have no end");
}

export async function describeImage({ ec2, region }: RegionAccess, image: string, signal: AbortSignal): Promise<Image> {
  const { Images = [] } = await atAws(
    `cannot look at ${image} in ${region}`,
    async () => await ec2.send(new DescribeImagesCommand({ ImageIds: [image] }), { abortSignal: signal }),
  );
  return Images[0] ?? {};
}

/** The snapshots that an image starts its volumes from. */
export function snapshotsOf({ BlockDeviceMappings = [] }: Image): string[] {
  return BlockDeviceMappings.map(({ Ebs }) => Ebs?.SnapshotId).filter((snapshot) => snapshot !== undefined);
}

/** Begins to copy; the copy has a name at once and is available later. */
export async function copyImage(
  to: RegionAccess,
  from: { region: string; image: string },
  { name, description }: { name: string; description: string },
  signal: AbortSignal,
): Promise<string> {
  const copy = new CopyImageCommand({
    SourceImageId: from.image,
    SourceRegion: from.region,
    Name: name,
    Description: description,
    // Asked twice, it is one copy.
    ClientToken: `${from.image}-${to.region}`,
    CopyImageTags: true,
  });
  const { ImageId } = await atAws(
    `cannot copy ${from.image} from ${from.region} to ${to.region}`,
    async () => await to.ec2.send(copy, { abortSignal: signal }),
  );
  assert(ImageId !== undefined, "a copy has a name");
  return ImageId;
}
