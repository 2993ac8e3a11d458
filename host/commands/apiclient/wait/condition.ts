/** What `apiclient wait` can wait for, and what a status says about it. */
import type { StatusBody } from "../../../../api/status.ts";
import { Failure } from "../../../../lib/failure.ts";
import type { Judgement } from "./until.ts";

export const conditionKinds = {
  configured: "every step of the boot is done, and what prepares the machine too",
  node: "the cluster takes the host for a ready node",
  "container/NAME": "a host container runs",
  "bootstrap/NAME": "a bootstrap container, or commands of that name, ended well",
} as const;

export type WaitCondition = { kind: "configured" | "node" } | { kind: "container" | "bootstrap"; name: string };

/** @throws {Failure<"bad-condition">} */
export function parseCondition(text: string): WaitCondition {
  if (text === "configured" || text === "node") return { kind: text };
  const [, kind, name] = /^(container|bootstrap)\/(.+)$/.exec(text) ?? [];
  if ((kind === "container" || kind === "bootstrap") && name !== undefined) return { kind, name };
  throw new Failure("bad-condition", `one of ${Object.keys(conditionKinds).join(", ")} is expected, not "${text}"`);
}

export function conditionText(condition: WaitCondition): string {
  return "name" in condition ? `${condition.kind}/${condition.name}` : condition.kind;
}

/** All of them, in the same moment. */
export function judgeConditions(conditions: readonly WaitCondition[], status: StatusBody): Judgement<undefined> {
  const judgements = conditions.map((condition) => ({ condition, judgement: judgeCondition(condition, status) }));
  for (const kind of ["hopeless", "missing"] as const) {
    const sentences = judgements.flatMap(({ condition, judgement }) =>
      judgement.kind === kind ? [`${conditionText(condition)}: ${judgement.reason}`] : [],
    );
    if (sentences.length > 0) return { kind, reason: sentences.join("; ") };
  }
  return { kind: "there", result: undefined };
}

const there = { kind: "there", result: undefined } as const;

export function judgeCondition(condition: WaitCondition, status: StatusBody): Judgement<undefined> {
  switch (condition.kind) {
    case "configured":
      return configured(status);
    case "node":
      return node(status);
    case "container":
      return container(status, condition.name);
    case "bootstrap":
      return bootstrap(status, condition.name);
  }
}

function configured({ state, halted, boot, bootstrap: entries = [] }: StatusBody): Judgement<undefined> {
  if (halted !== undefined) return { kind: "hopeless", reason: `the boot stopped: ${halted}` };
  if (state !== "booting") return there;
  const steps = [
    ...boot.map((each) => ({ reason: each.step, state: each.state })),
    ...entries.map((each) => ({ reason: `bootstrap ${each.kind} ${each.name}`, state: each.state })),
  ];
  const next = steps.find((step) => step.state === "running") ?? steps.find((step) => step.state === "waiting");
  return { kind: "missing", reason: next === undefined ? "the host is booting" : `${next.reason} (${next.state})` };
}

function node({ state, node: member }: StatusBody): Judgement<undefined> {
  if (member === undefined) return absent(state, "settings name no cluster, so the host is no node");
  if (member.ready) return there;
  return {
    kind: "missing",
    reason: member.reasons.length === 0 ? "not ready" : `not ready: ${member.reasons.join("; ")}`,
  };
}

function container({ state, hostContainers = [] }: StatusBody, name: string): Judgement<undefined> {
  const member = hostContainers.find((each) => each.name === name);
  if (member === undefined) {
    const names = hostContainers.map((each) => each.name).join(", ");
    return absent(state, `settings enable no such host container; they enable ${names === "" ? "none" : names}`);
  }
  if (member.state === "active (running)") return there;
  const failing = member.failing ? `, after ${member.restarts} restarts; see \`apiclient logs ${name}\`` : "";
  return { kind: "missing", reason: `${member.state}${failing}` };
}

function bootstrap({ state, bootstrap: entries = [] }: StatusBody, name: string): Judgement<undefined> {
  const entry = entries.find((each) => each.name === name);
  switch (entry?.state) {
    case undefined: {
      const names = entries.map((each) => each.name).join(", ");
      return absent(state, `nothing of that name prepares this boot; ${names === "" ? "nothing" : names} does`);
    }
    case "done":
    case "skipped":
      return there;
    case "failed":
      return { kind: "hopeless", reason: entry.failure?.message ?? "it failed" };
    case "waiting":
    case "running":
      return { kind: "missing", reason: entry.state };
  }
}

/** What a boot still brings is waited for; what settings do not ask for never comes. */
function absent(state: StatusBody["state"], reason: string): Judgement<undefined> {
  return state === "booting" ? { kind: "missing", reason: "the host is booting" } : { kind: "hopeless", reason };
}
