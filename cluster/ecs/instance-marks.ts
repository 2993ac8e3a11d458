/**
 * Marks as they stand on a container instance: attributes of ECS.
 *
 * An instance has at most ten attributes of its owner's, and a value has 128 letters, digits, spaces and `-_.@/\:`
 * (PutAttributes in the Amazon ECS API reference). So each is a few words, and reasons are cut.
 */
import { Claim } from "../policy/fleet-policy.ts";
import { Order } from "../../api/fleet/order.ts";
import { noMarks } from "../roll-out/marks.ts";
import { Aim, Failed, NodeStep, Tries, type Marks } from "../roll-out/snapshot.ts";

/** What stands on an instance by us. */
export type InstanceMarks = {
  marks: Marks;
  /** That it is drained is our doing. */
  drained: boolean;
  claim: Omit<Claim, "node" | "uid"> | undefined;
  /** For the boot that it names. `accepted` once the host may have been told to reboot. */
  order: { order: Order; accepted: boolean } | undefined;
};

export const attributeNames = {
  marks: "orlop.fleet",
  claim: "orlop.fleet.claim",
  order: "orlop.fleet.order",
  failed: "orlop.fleet.failed",
  tries: "orlop.fleet.tries",
} as const;

type AttributeName = (typeof attributeNames)[keyof typeof attributeNames];
export type Attributes = ReadonlyMap<string, string>;

/** Stands for a word that has no value. */
const none = "-";
const longest = 128;
const at = (date: Date | undefined): string => date?.toISOString().replace(/\.\d{3}Z$/, "Z") ?? none;
const words = (text: string | undefined): string[] => text?.split(" ") ?? [];

/** What cannot be read counts as absent. */
export function readMarks(attributes: Attributes): InstanceMarks {
  const [step, claim, over, since, deed, version, from, drained] = words(attributes.get(attributeNames.marks));
  const [failedVersion, failedAt, ...failedReason] = words(attributes.get(attributeNames.failed));
  const [triesVersion, drains, reboots, after, ...triesReason] = words(attributes.get(attributeNames.tries));
  const aim = Aim.safeParse({ do: deed, version, from }).data;
  return {
    drained: drained === "drained",
    marks: {
      ...noMarks,
      step: NodeStep.safeParse(step).data ?? "Idle",
      claim: token(claim),
      over: token(over),
      since: moment(since),
      aim,
      failed: Failed.safeParse({ version: failedVersion, at: failedAt, reason: failedReason.join(" ") }).data,
      tries: Tries.safeParse({
        version: triesVersion,
        drains: Number(drains),
        reboots: Number(reboots),
        after,
        reason: triesReason.join(" "),
      }).data,
    },
    claim: readClaim(words(attributes.get(attributeNames.claim))),
    order: readOrder(words(attributes.get(attributeNames.order)), token(claim), aim),
  };
}

function readClaim([number, since, version]: readonly string[]): InstanceMarks["claim"] {
  return Claim.omit({ node: true, uid: true }).safeParse({ token: Number(number), since, version }).data;
}

/** Version and deed of an order are those of the aim that it is for. */
function readOrder(
  [boot, until, accepted]: readonly string[],
  claim: number,
  aim: Aim | undefined,
): InstanceMarks["order"] {
  const order = Order.safeParse({ ...aim, id: `${claim}-${boot}`, boot, until, by: "ecs", claim }).data;
  return order === undefined ? undefined : { order, accepted: accepted === "accepted" };
}

/** Undefined where the attribute is to be absent. */
export function attributesOf({ marks, drained, claim, order }: InstanceMarks): Map<AttributeName, string | undefined> {
  const { step, over, since, aim, failed, tries } = marks;
  const isBlank = marks.claim === 0 && over === 0 && step === "Idle" && !drained;
  const values = [step, marks.claim, over, at(since), aim?.do ?? none, aim?.version ?? none, aim?.from ?? none];
  return new Map([
    [attributeNames.marks, isBlank ? undefined : [...values, drained ? "drained" : none].join(" ")],
    [attributeNames.claim, claim === undefined ? undefined : `${claim.token} ${at(claim.since)} ${claim.version}`],
    [
      attributeNames.order,
      order === undefined
        ? undefined
        : `${order.order.boot} ${at(order.order.until)} ${order.accepted ? "accepted" : "open"}`,
    ],
    [
      attributeNames.failed,
      failed === undefined ? undefined : allowed(`${failed.version} ${at(failed.at)} ${failed.reason}`),
    ],
    [
      attributeNames.tries,
      tries === undefined
        ? undefined
        : allowed(`${tries.version} ${tries.drains} ${tries.reboots} ${at(tries.after)} ${tries.reason}`),
    ],
  ]);
}

/** As ECS takes it: other characters become dots, and what is too long is cut. */
function allowed(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .replace(/[^\w\-.@/\\: ]/g, ".")
    .slice(0, longest)
    .trim();
}

function token(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function moment(text: string | undefined): Date | undefined {
  const date = new Date(text ?? "");
  return Number.isNaN(date.getTime()) ? undefined : date;
}
