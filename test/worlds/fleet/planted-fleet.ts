/** A fleet on which a good many things are wrong at once, as an operator might meet them one by one; it stands still. */
import {
  later,
  minuteMs,
  now,
  atWork,
  drainOf,
  fleetNode,
  fleetPolicy,
  nodePod,
  report,
  snapshot,
} from "./snapshots.ts";
import type { FleetSource } from "../../../cluster/console/fleet-source.ts";
import { FleetLedger } from "../../../cluster/policy/fleet-policy.ts";
import { fleetPicture } from "../../../cluster/picture/fleet-picture.ts";
import { nodeDetails } from "../../../cluster/picture/node-details.ts";
import { noMarks } from "../../../cluster/roll-out/marks.ts";
import type { FleetNode, Snapshot } from "../../../cluster/roll-out/snapshot.ts";
import type { RecordedEvent } from "../../../kubernetes/events.ts";

/** Where the page has it, in under three clicks from the start, and in which words. */
export type FleetFault = {
  name: string;
  /** Links to click, by the words they have. */
  clicks: readonly string[];
  sentence: RegExp;
};

export const fleetFaults: readonly FleetFault[] = [
  {
    name: "a halt, and the command that lets it go on",
    clicks: [],
    sentence: /worker-02 failed with 1\.1\.0: its soak failed.*fleet\.orlop\.dev\/resume=h12/s,
  },
  { name: "a stop by a person, and why", clicks: [], sentence: /stopped by a person: the database migrates tonight/ },
  {
    name: "a version that is held, and why",
    clicks: [],
    sentence: /worker-02 keeps away from 1\.1\.0, which failed here: its soak failed after 15 min/,
  },
  { name: "a wave that is not open", clicks: ["When"], sentence: /Opens next.*in 3 h/s },
  {
    name: "the wave of one node",
    clicks: ["Nodes", "worker-21"],
    sentence: /worker-21 waits for its wave of 1\.2\.0, which opens 2026-12-01T/,
  },
  {
    name: "a disruption budget that blocks",
    clicks: [],
    sentence: /ingress-01 waits for 1 pod to leave.*disruption budget web needs 3 healthy pods and has 3/s,
  },
  {
    name: "the pod that it keeps",
    clicks: ["ingress-01"],
    sentence: /shop\/web-7.*disruption budget web needs 3 healthy pods/s,
  },
  {
    name: "a person's cordon",
    clicks: [],
    sentence: /worker-05 is left alone: somebody has cordoned it.*kubectl uncordon worker-05/s,
  },
  { name: "a sick node", clicks: [], sentence: /worker-07 is not ready since 2026-12-01T11:20Z/ },
  {
    name: "a trial about to go back",
    clicks: [],
    sentence: /ingress-02 runs 1\.1\.0, and must prove it by 2026-12-01T12:02Z: the node is not ready/,
  },
  { name: "how long until it goes back", clicks: ["ingress-02"], sentence: /in (?:1 min|\d+ s)/ },
  { name: "a host that does not report", clicks: [], sentence: /worker-09 waits for its host's report/ },
  { name: "a drain that was given up", clicks: [], sentence: /worker-11 is tried again at .*not drained after 30 min/ },
  {
    name: "how long each part took",
    clicks: ["History"],
    sentence: /Drain.*Reboot, until it is proved.*Soak.*Whole update/s,
  },
];

const zones = ["eu-1a", "eu-1b", "eu-1c"];
const done = { ...report, version: "1.1.0", offers: [], staged: undefined };
const soakFailure = "its soak failed after 15 min: it soaks until its gates have held: shop: it answers 503";

/** Stands still: countdowns go on all the same. */
export function plantedFleet(): FleetSource {
  const snapshots = [workers(), ingress(), batch()];
  return {
    title: "https://fleet.example.com:6443",
    rate: 1,
    look: () => ({
      details: (name) => nodeDetails(snapshots, name),
      read: async () => ({ now, picture: fleetPicture(snapshots, [], now), events: pastEvents() }),
    }),
    stop: async () => undefined,
  };
}

function workers(): Snapshot {
  const failed = { version: "1.1.0", reason: soakFailure, at: later(-20 * minuteMs) };
  const halted = {
    id: "h12",
    node: "worker-02",
    version: "1.1.0",
    reason: soakFailure,
    at: later(-20 * minuteMs).toISOString(),
  };
  const tries = {
    version: "1.1.0",
    drains: 1,
    reboots: 0,
    reason: "not drained after 30 min",
    after: later(40 * minuteMs),
  };
  const special: Record<number, Partial<FleetNode>> = {
    2: { report: { ...report, fallback: "1.1.0" }, marks: { ...noMarks, failed } },
    5: { cordon: "another's" },
    7: { ready: false, readySince: later(-40 * minuteMs) },
    9: { report: undefined },
    11: { marks: { ...noMarks, tries } },
    20: { report: { ...report, offers: [{ version: "1.2.0", opensAt: later(180 * minuteMs), releasedAt: now }] } },
    21: { report: { ...report, offers: [{ version: "1.2.0", opensAt: later(500 * minuteMs), releasedAt: now }] } },
    22: { report: { ...report, offers: [{ version: "1.2.0", opensAt: later(1_200 * minuteMs), releasedAt: now }] } },
  };
  const nodes = Array.from({ length: 42 }, (_, at) =>
    fleetNode(`worker-${String(at).padStart(2, "0")}`, {
      zone: zones[at % 3] ?? "",
      ...(at > 12 && at < 20 ? { report: done } : {}),
      ...special[at],
    }),
  );
  const policy = fleetPolicy({ maxUnavailable: "10%" }, { ledger: FleetLedger.parse({ nextToken: 13, halted }) });
  return snapshot(nodes, { policy });
}

function ingress(): Snapshot {
  const policyUid = "uid-ingress";
  const draining = atWork("ingress-01", "Draining", { zone: "eu-1a" }).node;
  const order = {
    id: "o",
    boot: "boot-1",
    do: "reboot-into",
    version: "1.1.0",
    until: later(2 * minuteMs),
    by: "ingress",
  } as const;
  const back = { ...done, boot: "boot-2", onTrial: false };
  const proving = atWork("ingress-02", "Rebooting", { zone: "eu-1b", ready: false, order, report: back }).node;
  const marked = (node: FleetNode, since: Date): FleetNode => ({
    ...node,
    marks: { ...node.marks, policy: policyUid, since },
  });
  const nodes = [
    marked(draining, later(-12 * minuteMs)),
    marked(proving, later(-13 * minuteMs)),
    ...["ingress-03", "ingress-04"].map((name) => fleetNode(name, { zone: "eu-1c" })),
  ];
  const claims = nodes
    .slice(0, 2)
    .map(({ name, uid }) => ({ node: name, uid, token: 3, since: now.toISOString(), version: "1.1.0" }));
  const windows = [{ days: ["Mon", "Tue", "Wed", "Thu"], start: "10:00", length: "6h", timeZone: "Europe/Berlin" }];
  const policy = fleetPolicy(
    { maxUnavailable: 2, windows },
    { name: "ingress", uid: policyUid, ledger: FleetLedger.parse({ nextToken: 4, claims }) },
  );
  const pod = nodePod("web-7", { namespace: "shop" });
  const reason = "The disruption budget web needs 3 healthy pods and has 3 currently";
  const evictions = new Map([[pod.uid, { kind: "refused", reason, budget: "web", since: now, retryAt: now } as const]]);
  return snapshot(nodes, { policy, drains: new Map([["ingress-01", drainOf([pod], { evictions })]]) });
}

function batch(): Snapshot {
  const nodes = Array.from({ length: 6 }, (_, at) => fleetNode(`batch-0${at}`, { zone: zones[at % 3] ?? "" }));
  const policy = fleetPolicy({}, { name: "batch", uid: "uid-batch", stop: "the database migrates tonight" });
  return snapshot(nodes, { policy });
}

/** Updates of the last hour, each a little longer than the one before. */
function pastEvents(): RecordedEvent[] {
  const steps = [
    ["Draining", "cordoned, to reboot into 1.1.0"],
    ["Rebooting", "drained, to reboot into 1.1.0"],
    ["Soaking", "runs 1.1.0, and takes pods again"],
    ["Updated", "runs 1.1.0, and its soak is over"],
  ] as const;
  const events = Array.from({ length: 7 }, (_, index) =>
    steps.map(([reason, message], step): RecordedEvent => {
      const minutes = -70 + index * 7 + step * (1.5 + index / 4);
      const name = `worker-${13 + index}`;
      return { at: later(minutes * minuteMs).toISOString(), kind: "Node", name, reason, message };
    }),
  ).flat();
  const note = `worker-02 failed with 1.1.0: ${soakFailure}`;
  const halt = {
    at: later(-20 * minuteMs).toISOString(),
    kind: "FleetPolicy",
    name: "workers",
    reason: "Halted",
    message: note,
  };
  return [...events, halt].toSorted((a, b) => (a.at < b.at ? -1 : 1));
}
