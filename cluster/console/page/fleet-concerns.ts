/**
 * What an operator of a fleet should know, the worst first: each in the fleet's own words, with what can be done. Nothing is
 * judged here that the fleet does not say.
 */
import type { PolicyPicture } from "../../picture/fleet-picture.ts";
import type { Cause } from "../../roll-out/wait.ts";
import type { SentNode } from "../fleet-update.ts";
import { sentenceOf, type ShownFleet } from "./fleet-store.ts";

export type FleetConcern = {
  severity: "broken" | "attention" | "note";
  /** What it is about: "a drain is blocked". */
  subject: string;
  /** Its subject is the first of `nodes`, where there are any. */
  sentence: string;
  /** Those it is about, as they stand in the fleet. */
  nodes: readonly string[];
  command?: string;
};

type About = Pick<FleetConcern, "severity" | "subject"> & { command?: (node: string) => string };

const uncordon = (node: string): string => `kubectl uncordon ${node}`;
const describe = (node: string): string => `kubectl describe node ${node}`;
const explain = (node: string): string => `./orlop fleet explain ${node}`;

/** By what a node waits for; whatever is not here is nobody's concern. */
const abouts: Partial<Record<Cause, About>> = {
  failed: { severity: "broken", subject: "a version failed", command: explain },
  "not-ready": { severity: "broken", subject: "a node is not ready", command: describe },
  retry: { severity: "attention", subject: "tried, and given back", command: explain },
  cordoned: { severity: "attention", subject: "cordoned by somebody", command: uncordon },
  "no-report": { severity: "attention", subject: "a host does not report" },
};

const blocked: About = { severity: "broken", subject: "work is blocked", command: explain };
const late: About = { severity: "attention", subject: "a trial is about to go back", command: explain };

const order = ["broken", "attention", "note"] as const;

/** @param nowMs the time that the fleet lives in */
export function fleetConcerns(fleet: ShownFleet, nowMs: number): FleetConcern[] {
  const groups = new Map<string, { about: About; nodes: SentNode[] }>();
  for (const node of fleet.nodes ?? []) {
    const about = aboutOf(node, nowMs);
    if (about === undefined) continue;
    const key = `${about.subject} ${node.target ?? ""}`;
    const group = groups.get(key) ?? { about, nodes: [] };
    groups.set(key, group);
    group.nodes.push(node);
  }
  const concerns = [...groups.values()].map(({ about: { command, ...about }, nodes }): FleetConcern => {
    const [first] = nodes;
    const names = nodes.map(({ name }) => name);
    const sentence = first === undefined ? "" : `${first.name} ${sentenceOf(fleet, first)}`;
    const isOne = first !== undefined && names.length === 1;
    return {
      ...about,
      sentence,
      nodes: names,
      ...(isOne && command !== undefined ? { command: command(first.name) } : {}),
    };
  });
  return [...fleet.policies.flatMap(policyConcerns), ...concerns].toSorted(
    (a, b) => order.indexOf(a.severity) - order.indexOf(b.severity),
  );
}

function policyConcerns({ policy, pace }: PolicyPicture): FleetConcern[] {
  if (pace.state !== "invalid") return [];
  return [{ severity: "broken", subject: `policy ${policy} cannot be read`, sentence: pace.sentence, nodes: [] }];
}

function aboutOf(node: SentNode, nowMs: number): About | undefined {
  if (node.step === "Idle") return abouts[node.cause];
  if (node.blocked !== undefined) return blocked;
  return isLate(node, nowMs) ? late : undefined;
}

/** More than half of its time to prove a version, or to soak, is over. */
function isLate({ cause, since, until }: SentNode, nowMs: number): boolean {
  if ((cause !== "proof" && cause !== "soak") || since === undefined || until === undefined) return false;
  const [beganMs, endsMs] = [Date.parse(since), Date.parse(until)];
  return nowMs - beganMs > (endsMs - beganMs) / 2;
}
