/** Operators and hosts with one fault each, made of the shipping ones, to show that the checker sees it. */
import type { FleetNode, Snapshot } from "../../../cluster/roll-out/snapshot.ts";
import { decide } from "../../../cluster/roll-out/decide.ts";
import type { NodeChange, Write } from "../../../cluster/roll-out/write.ts";
import { obey, type Obedience } from "../../../host/node/obey.ts";
import type { FleetModelOptions } from "./model-objects.ts";

export type Mutant = {
  fault: string;
  /** The invariants of which one breaks first. */
  breaks: readonly string[];
  options: Partial<FleetModelOptions>;
};

const everyNode = (snapshot: Snapshot, change: (node: FleetNode) => FleetNode): Snapshot => ({
  ...snapshot,
  nodes: snapshot.nodes.map(change),
});

const everyChange =
  (change: (of: NodeChange, node: FleetNode, snapshot: Snapshot) => NodeChange | undefined): typeof decide =>
  (snapshot, at) =>
    decide(snapshot, at).flatMap((write): Write[] => {
      if (write.kind !== "node") return [write];
      const changed = change(write.change, write.node, snapshot);
      return changed === undefined ? [] : [{ ...write, change: changed }];
    });

/** An operator that takes a token for valid unless it is exactly the one that is used up. */
const unequalTokens: typeof decide = (snapshot, at) => {
  const claims = new Map(snapshot.policy.ledger.claims.map(({ uid, token }) => [uid, token]));
  return decide(
    everyNode(snapshot, (node) => {
      const { step, over } = node.marks;
      const isOld = step === "Idle" && over !== claims.get(node.uid);
      return isOld ? { ...node, marks: { ...node.marks, over: 0 } } : node;
    }),
    at,
  );
};

/** An operator that releases a claim which is not to begin, without using its token up on the node. */
const releasesWithoutVoiding: typeof decide = (snapshot, at) =>
  decide(snapshot, at).map((write): Write => {
    const voids = write.kind === "node" && write.node.marks.step === "Idle" && write.change.marks?.over !== undefined;
    if (!voids) return write;
    const { ledger } = snapshot.policy;
    const claims = ledger.claims.filter(({ uid }) => uid !== write.node.uid);
    return { kind: "ledger", ledger: { ...ledger, claims }, reason: "Released", note: "" };
  });

const obeysAnyBoot: typeof obey = (self, node, at) =>
  obey(self, node.order === undefined ? node : { ...node, order: { ...node.order, boot: self.boot } }, at);

/** A host that believes the order, without looking at its node again. */
const doesNotLook: typeof obey = (self, { order }): Obedience => {
  const isForUs = order !== undefined && order.boot === self.boot && self.version !== order.version;
  return isForUs ? { kind: "reboot", order } : { kind: "rest" };
};

/** A host that looks again, and reboots without having said so on its node. */
const doesNotAccept: typeof obey = (self, node, at) => {
  const answer = obey(self, node, at);
  return answer.kind === "accept" ? { ...answer, kind: "reboot" } : answer;
};

/** An operator that does not see that a host has accepted. */
const ignoresAcceptance: typeof decide = (snapshot, at) =>
  decide(
    everyNode(snapshot, (node) =>
      node.report === undefined ? node : { ...node, report: { ...node.report, accepted: undefined } },
    ),
    at,
  );

/** An operator for which every cordon is its own. */
const takesAllCordons: typeof decide = (snapshot, at) =>
  decide(
    everyNode(snapshot, (node) => (node.cordon === "another's" ? { ...node, cordon: "ours" as const } : node)),
    at,
  );

/** An operator that makes claims also after a halt. */
const ignoresHalts: typeof decide = (snapshot, at) => {
  const writes = decide(snapshot, at);
  const { halted, ...ledger } = snapshot.policy.ledger;
  if (halted === undefined) return writes;
  const claims = decide({ ...snapshot, policy: { ...snapshot.policy, ledger } }, at).flatMap((write): Write[] =>
    write.kind === "ledger" && write.reason === "Claimed" ? [{ ...write, ledger: { ...write.ledger, halted } }] : [],
  );
  return [...writes, ...claims];
};

/** An operator that releases the claim of a failed node while it is still cordoned, and does not look who is away. */
const releasesEarly: typeof decide = (snapshot, at) =>
  decide(
    everyNode(snapshot, (node) =>
      node.marks.step === "Idle" && node.cordon === "ours" ? { ...node, cordon: "none" as const } : node,
    ),
    at,
  );

/** An operator that leaves its cordon behind when it gives a node back. */
const forgetsCordon = everyChange((change, node) => {
  if (node.marks.step === "Idle" && change.cordon === false) return undefined;
  const { cordon, ...rest } = change;
  return cordon === false ? rest : change;
});

export const mutants: readonly Mutant[] = [
  {
    fault: "a claim is released without using its token up",
    breaks: ["I6"],
    options: { decide: releasesWithoutVoiding, person: 1 },
  },
  {
    fault: "tokens are compared for being other, not for being higher",
    breaks: ["I6"],
    options: { decide: unequalTokens, exactPasts: true },
  },
  {
    fault: "an order is obeyed in whatever boot",
    breaks: ["I2", "I3", "I7", "I8"],
    options: { obey: obeysAnyBoot, crashes: 1, version: "bad" },
  },
  { fault: "the host does not look again", breaks: ["I2"], options: { obey: doesNotLook, person: 1 } },
  { fault: "the host reboots without having accepted", breaks: ["I2", "I6", "I8"], options: { obey: doesNotAccept } },
  {
    fault: "the operator takes no notice of what a host has accepted",
    breaks: ["I2", "I6", "I8"],
    options: { decide: ignoresAcceptance },
  },
  { fault: "a person's cordon is taken for ours", breaks: ["I4"], options: { decide: takesAllCordons, person: 1 } },
  {
    fault: "the roll-out goes on after a halt",
    breaks: ["I5"],
    options: { decide: ignoresHalts, nodes: 2, version: "bad", resumptions: 0 },
  },
  {
    fault: "a failed node gives its place away while it is cordoned",
    breaks: ["I1"],
    options: { decide: releasesEarly, nodes: 2, claims: 3 },
  },
  { fault: "the cordon is left behind", breaks: ["I7"], options: { decide: forgetsCordon } },
  {
    fault: "writes are not compared with what was read",
    breaks: ["I1", "I6"],
    options: { withoutCompare: true, nodes: 2 },
  },
];
