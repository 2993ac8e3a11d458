/** Which node group of a ClusterConfig is meant. */
import { Failure } from "../../lib/failure.ts";
import { nearest } from "../../lib/text/nearest.ts";
import type { FoundGroup } from "./cluster-config.ts";

/** @throws {Failure<"no-such-group">} with the names of the groups that there are */
export function chosenGroup(groups: readonly FoundGroup[], name: string | undefined): FoundGroup {
  const candidates =
    name === undefined ? groups.filter(isBottlerocket) : groups.filter(({ group }) => group.name === name);
  const [chosen, another] = candidates;
  if (chosen !== undefined && another === undefined) return chosen;
  const there = groups.length === 0 ? "there is no node group" : `its node groups are ${namesOf(groups)}`;
  if (chosen !== undefined) {
    const cannot =
      name === undefined
        ? `cannot choose a node group: several are of Bottlerocket: ${namesOf(candidates)}`
        : `cannot choose the node group ${name}: there are several of that name`;
    throw new Failure("no-such-group", cannot, name === undefined ? { hint: "choose one with --nodegroup" } : {});
  }
  if (name === undefined) {
    throw new Failure("no-such-group", `cannot choose a node group: none is of Bottlerocket; ${there}`, {
      hint: "amiFamily: Bottlerocket makes one so; --nodegroup chooses any",
    });
  }
  const meant = nearest(
    name,
    groups.map(({ group }) => group.name),
  );
  const hint = meant === undefined ? {} : { hint: `did you mean ${meant}?` };
  throw new Failure("no-such-group", `cannot find the node group ${name}: ${there}`, hint);
}

/** eksctl compares the family without case, and takes the key bottlerocket for this family only. */
export function isBottlerocket({ group: { amiFamily, bottlerocket } }: FoundGroup): boolean {
  if (amiFamily === undefined) return bottlerocket !== undefined;
  return ["bottlerocket", "bottlerocketfips"].includes(amiFamily.toLowerCase());
}

function namesOf(groups: readonly FoundGroup[]): string {
  return groups.map(({ group }) => group.name).join(", ");
}
