/** `signpost`: which partition set boots, as the disk says, and the changes a person or a unit may make to it. */
import { connect, type Client } from "../../api/client/client.ts";
import { hostSocket } from "../../api/host-socket.ts";
import { defined } from "../../lib/defined.ts";
import { Failure, isFailure } from "../../lib/failure.ts";
import { modelFor } from "../../settings/model/model.ts";
import { Datastore } from "../datastore/datastore.ts";
import { directoryDisk } from "../datastore/log/disk.ts";
import { type Facts, readFacts } from "../machine/facts.ts";
import { logs } from "../kept/things.ts";
import { hostPath, type System } from "../machine/system.ts";
import { describeStandings, type Standings } from "../update/boot/signpost.ts";
import { proveHealthy, type HealthGate, type Verdict } from "../update/judge/health-gate.ts";
import { type Health, unitsOf } from "../update/judge/health.ts";
import { ecsCheck } from "../node/ecs-agent.ts";
import { nodeCheck } from "../node/node-ready.ts";
import { bootInactiveNext, requireSets } from "../update/boot/sets.ts";
import { revokeImages } from "../update/boot/revoke-images.ts";
import { readTerms } from "../update/judge/terms.ts";
import { isReasonLeft, leaveReason } from "../update/judge/went-back.ts";
import { hostCommand, hostProgram, runHostProgram } from "./host-program.ts";

const status = hostCommand({
  name: "status",
  summary: "Say what is on each set, which one runs and which one boots next",
  examples: [{ run: "signpost status", description: "read from the disk" }],
  run: async ({ system }) => await (await requireSets(system)).signpost.read(),
  print: describeStandings,
});

const markSuccessfulBoot = hostCommand({
  name: "mark-successful-boot",
  summary: "The running set proved healthy: it boots from now on",
  examples: [
    { run: "signpost mark-successful-boot", description: "at once" },
    { run: "signpost mark-successful-boot --when-healthy", description: "as mark-successful-boot.service does" },
  ],
  options: {
    "when-healthy": { type: "boolean", help: "Wait for every health check; exit 1 with the reason when time is over" },
  },
  async run({ system, invocation }, values): Promise<Verdict | undefined> {
    if (!values["when-healthy"]) {
      await (await requireSets(system)).signpost.markSuccessfulBoot();
      return undefined;
    }
    const verdict = await proveHealthy(system, await gateOf(system), invocation.signal);
    if (verdict.kind === "unhealthy") invocation.note(`signpost: going back: ${verdict.reason}`);
    if (verdict.kind === "healthy" && verdict.excused.length > 0) {
      invocation.note(`signpost: healthy, but for what failed before the update: ${verdict.excused.join("; ")}`);
    }
    return verdict;
  },
  print: (verdict) => (verdict === undefined ? "" : verdict.kind),
  exitCode: (verdict) => (verdict?.kind === "unhealthy" ? 1 : 0),
});

const giveUp = hostCommand({
  name: "give-up",
  summary: "Leave a reason for the set this host will go back to",
  examples: [{ run: 'signpost give-up "emergency mode was reached"', description: "before a reboot" }],
  arguments: { reason: { value: "REASON", help: "What went wrong, as people shall read it" } },
  async run({ system }, { reason }) {
    await leaveReason(system, await versionOnTrial(system), reason);
  },
});

/** @throws {Failure<"not-on-trial" | "no-partition-sets">} */
async function versionOnTrial(system: System): Promise<string> {
  let standings: Standings;
  try {
    standings = await (await requireSets(system)).signpost.read();
  } catch (error) {
    if (isFailure(error, "no-partition-sets")) throw error;
    // The reason counts all the more; who reads it compares the version with that of the boot entry.
    system.log.error("signpost: cannot tell whether this version is on trial", error);
    return (await readFacts(system)).versionId;
  }
  const entry = standings.entries[standings.active];
  if (entry?.standing.kind === "trying") return entry.version;
  throw new Failure("not-on-trial", "cannot give up the running set: it is not on trial");
}

const gateEnded = hostCommand({
  name: "gate-ended",
  summary: "Leave a reason when the health gate ended without one; for mark-successful-boot.service",
  hidden: true,
  examples: [
    { run: "signpost gate-ended signal killed KILL", description: "as systemd sets SERVICE_RESULT and its kin" },
  ],
  arguments: {
    result: { value: "RESULT", help: "$SERVICE_RESULT" },
    code: { value: "CODE", help: "$EXIT_CODE", optional: true },
    status: { value: "STATUS", help: "$EXIT_STATUS", optional: true },
  },
  async run({ system }, { result, code, status: exit }) {
    if (result === "success") return;
    const { versionId } = await readFacts(system);
    if (await isReasonLeft(system, versionId)) return;
    const how = [code, exit].filter((word) => word !== undefined).join(" ");
    await leaveReason(system, versionId, `the health gate ended before it had judged: ${result}${how && ` (${how})`}`);
  },
});

const clearInactive = change(
  "clear-inactive",
  "Forget the inactive set: it does not boot until an update is written to it",
  async (system) => await (await requireSets(system)).signpost.clearInactive(),
);

const upgradeToInactive = change(
  "upgrade-to-inactive",
  "The inactive set, written and verified, boots next, on trial",
  // Whoever does this by hand may do it on a host whose daemon does not answer: without terms, everything is to hold.
  async (system) => await bootInactiveNext(system, undefined),
);

const cancelUpgrade = change(
  "cancel-upgrade",
  "The running set boots next after all",
  async (system) => await (await requireSets(system)).signpost.cancelUpgrade(),
);

const rollbackToInactive = change(
  "rollback-to-inactive",
  "The inactive set, which proved healthy once, boots next",
  async (system) => await (await requireSets(system)).signpost.rollbackToInactive(),
);

const markInactiveValid = hostCommand({
  name: "mark-inactive-valid",
  summary: "Say that a verified image is on the inactive set, for whoever wrote one without the updater",
  examples: [{ run: "signpost mark-inactive-valid 1.2.0", description: "upgrade-to-inactive is then possible" }],
  arguments: { version: { value: "VERSION", help: "Of the OS on it" } },
  options: {
    tries: { type: "text", value: "N", help: "Starts it has to prove healthy", default: "1", parse: parseTries },
  },
  async run({ system }, values) {
    await (await requireSets(system)).signpost.markInactiveValid(values.version, values.tries);
  },
});

const rewriteTable = hostCommand({
  name: "rewrite-table",
  summary: "Does nothing: the decision which set boots is not in the partition table",
  examples: [{ run: "signpost rewrite-table", description: "accepted for old scripts" }],
  run: () => Promise.resolve("nothing to rewrite: boot entries on the ESP say which set boots, one small file each"),
});

const hasBootEverSucceeded = hostCommand({
  name: "has-boot-ever-succeeded",
  summary: "Print true once a set has proved healthy",
  examples: [{ run: "signpost has-boot-ever-succeeded", description: "prints nothing otherwise" }],
  async run({ system }) {
    const { entries } = await (await requireSets(system)).signpost.read();
    return Object.values(entries).some(({ standing }) => standing.kind === "successful") ? "true" : "";
  },
});

const revoke = hostCommand({
  name: "revoke-images",
  summary: "Tell the firmware to start certain images never again",
  examples: [{ run: "signpost revoke-images dbx.auth", description: "a list that `./orlop revoke` made" }],
  arguments: { file: { value: "FILE", help: "The list, signed by the key exchange key" } },
  options: {
    "even-running": { type: "boolean", help: "Also when the running image is among them" },
  },
  run: async ({ system }, values) => await revokeImages(system, values.file, { evenRunning: values["even-running"] }),
  print: (count) =>
    count === 0 ? "the firmware refuses them already" : `the firmware refuses ${count} more from now on`,
});

function change(name: string, summary: string, act: (system: System) => Promise<void>) {
  return hostCommand({
    name,
    summary,
    examples: [{ run: `signpost ${name}`, description: "see `signpost status` for the result" }],
    run: async ({ system }) => await act(system),
  });
}

export const signpost = hostProgram({
  name: "signpost",
  summary: "Which of the two partition sets boots",
  commands: [
    status,
    markSuccessfulBoot,
    clearInactive,
    markInactiveValid,
    upgradeToInactive,
    cancelUpgrade,
    rollbackToInactive,
    rewriteTable,
    hasBootEverSucceeded,
    revoke,
    giveUp,
    gateEnded,
  ],
});

async function gateOf(system: System): Promise<HealthGate> {
  const facts = await readFacts(system);
  const { variant, versionId } = facts;
  const model = modelFor(variant);
  const api: Client = connect({ socket: hostPath(system, hostSocket) });
  return {
    running: versionId,
    units: unitsOf(variant.orchestrator),
    terms: await readTerms(system, model, versionId),
    status: async (signal) => await api.call("getStatus", { signal }),
    fallback: async () => (await storedHealth(system, facts)) ?? model.complete({}).updates.health,
    async health(signal) {
      const settings = model.complete(await api.call("getSettings", { query: {}, signal }));
      const node = nodeCheck(system, settings, facts);
      return { ...settings.updates.health, ...defined({ node, ecs: ecsCheck(system, facts) }) };
    },
  };
}

/** What the disk says, for a daemon that never does. Undefined when this version cannot read it. */
async function storedHealth(system: System, { variant, versionId }: Facts): Promise<Health | undefined> {
  try {
    const disk = directoryDisk(system.storage, hostPath(system, logs.settings.path));
    await using datastore = await Datastore.open(disk, { image: versionId, clock: system.clock });
    const model = modelFor(variant);
    return model.complete(model.tree(datastore.values)).updates.health;
  } catch (error) {
    system.log.error("signpost: cannot read which checks settings ask for", error);
    return undefined;
  }
}

/** @throws {Failure<"bad-tries">} */
function parseTries(text: string): number {
  if (/^([1-9]|10)$/.test(text)) return Number(text);
  throw new Failure("bad-tries", `a number from 1 to 10 is expected, not "${text}"`);
}

export async function main(words: readonly string[]): Promise<never> {
  return await runHostProgram(signpost, words);
}
