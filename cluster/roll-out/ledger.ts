/** What a pass changes in the policy's status: claims made and released, the halt, its end. One write, or none. */
import type { Claim } from "../policy/fleet-policy.ts";
import { ClaimQueue } from "./claim-queue.ts";
import type { StepResult } from "./steps/failure.ts";
import type { FleetNode } from "./snapshot.ts";
import type { Survey } from "./survey.ts";
import type { EventReason, Write } from "./write.ts";

type Halting = NonNullable<StepResult["halt"]>;

/** @param touched nodes that other writes of this pass change */
export function ledgerWrite(
  survey: Survey,
  halt: Halting | undefined,
  touched: ReadonlySet<FleetNode>,
): Write | undefined {
  const { ledger } = survey.snapshot.policy;
  const halted = halt === undefined ? undefined : haltOf(survey, halt);
  if (halted !== undefined) return halted;
  if (isResumed(survey)) {
    const { halted: over, ...rest } = ledger;
    return { kind: "ledger", ledger: rest, reason: "Resumed", note: `goes on after the halt ${over?.id ?? ""}` };
  }
  const nextToken = Math.max(ledger.nextToken, lostToken(survey) + 1);
  const kept = ledger.claims.filter((claim) => !isOver(survey, claim));
  const claims = newClaims(survey, touched, nextToken);
  if (claims.length === 0 && kept.length === ledger.claims.length && nextToken === ledger.nextToken) return undefined;
  const highest = claims.at(-1)?.token ?? nextToken - 1;
  return {
    kind: "ledger",
    ledger: { ...ledger, nextToken: highest + 1, claims: [...kept, ...claims] },
    ...words(claims, ledger.claims.length - kept.length),
  };
}

function words(claims: readonly Claim[], released: number): { reason: EventReason; note: string } {
  if (claims.length > 0) return { reason: "Claimed", note: `claimed ${claims.map(({ node }) => node).join(", ")}` };
  if (released === 0) return { reason: "Released", note: "a claim that was lost is given up" };
  return { reason: "Released", note: `${released} ${released === 1 ? "claim is" : "claims are"} over` };
}

function haltOf({ snapshot, now }: Survey, halt: Halting): Write | undefined {
  const { ledger } = snapshot.policy;
  if (ledger.halted !== undefined) return undefined;
  const id = `h${ledger.nextToken}`;
  return {
    kind: "ledger",
    ledger: { ...ledger, nextToken: ledger.nextToken + 1, halted: { id, ...halt, at: now } },
    reason: "Halted",
    note: `${halt.node} failed with ${halt.version}: ${halt.reason}`,
  };
}

/** A person names the halt that is over, so that a wish of last week does not end the halt of today. */
function isResumed({ snapshot }: Survey): boolean {
  const { ledger, resume } = snapshot.policy;
  return ledger.halted !== undefined && resume === ledger.halted.id;
}

/**
 * The node is at rest, its token used up and our cordon off, or it no longer exists. A node that failed and keeps our
 * cordon keeps its place in the budget with it, so that an operator that has not seen it fail takes no other.
 */
function isOver({ snapshot, roster }: Survey, claim: Claim): boolean {
  if (snapshot.gone.has(claim.uid)) return true;
  const node = roster.get(claim.uid);
  return node !== undefined && node.marks.step === "Idle" && node.marks.over >= claim.token && node.cordon !== "ours";
}

/**
 * The highest token on a node under work that the ledger does not know of, or 0. Either this ledger is older than the
 * claim, then raising its `nextToken` fails by its resourceVersion; or the claim was lost, and is known to be once it
 * succeeded.
 */
function lostToken({ active }: Survey): number {
  return Math.max(0, ...active.filter(({ marks }) => marks.step !== "Idle").map(({ marks }) => marks.claim));
}

/** A node under work whose claim is certainly not in the ledger any more. */
export function hasLostClaim({ snapshot, claims }: Survey, { uid, marks }: FleetNode): boolean {
  return claims.get(uid)?.token !== marks.claim && marks.claim < snapshot.policy.ledger.nextToken;
}

function newClaims(survey: Survey, touched: ReadonlySet<FleetNode>, nextToken: number): Claim[] {
  const { snapshot, roster, now, claims: claimed } = survey;
  const queue = new ClaimQueue(survey);
  const claims: Claim[] = [];
  let token = nextToken;
  if (survey.barrier !== undefined || queue.places <= 0) return claims;
  for (const candidate of roster.candidates(snapshot.policy.spec, now)) {
    if (queue.places <= 0) break;
    const { node, version } = candidate;
    // Nodes without pods, which come first, wait for no window.
    if (!survey.window.open && !node.starting) break;
    if (claimed.has(node.uid) || touched.has(node) || queue.holdOf(candidate) !== undefined) continue;
    queue.take(candidate);
    token = Math.max(token, node.marks.over + 1);
    claims.push({ node: node.name, uid: node.uid, token, since: now, version });
    token++;
  }
  return claims;
}
