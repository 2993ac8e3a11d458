/**
 * How a host becomes configured, top to bottom. Every step may run again: if the daemon dies, boot begins from the top.
 *
 * A step that fails is kept for `apiclient status` and the next one runs all the same: a host that is half configured
 * and says so can be repaired through its API, one that gave up cannot. What was staged but not committed needs no
 * step: it lives in the daemon's memory.
 */
import { untilAborted } from "../../lib/abortable.ts";
import { Failure, messageOf } from "../../lib/failure.ts";
import { firstOf } from "../../lib/first-of.ts";
import type { Json } from "../../lib/text/json.ts";
import { isPresent, removeIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { migrations } from "../../settings/migrations/all.ts";
import type { Model } from "../../settings/model/model.ts";
import { describeProblem, type Problem } from "../../settings/model/problem.ts";
import { commandsIn, configuredMark, containersIn, recordPath, writeRecord } from "../bootstrap/record.ts";
import type { Author, Datastore } from "../datastore/datastore.ts";
import { writeBootList } from "../extensions/records.ts";
import { chosenExtensions } from "../extensions/standing.ts";
import type { Facts } from "../machine/facts.ts";
import { generate } from "../generators/generate.ts";
import { kept } from "../kept/things.ts";
import { wantedWords, wordsOfThisBoot } from "../reconcile/kernel/boot-parameters.ts";
import { tooFewHugePages } from "../reconcile/kernel/huge-pages.ts";
import { bringToForm } from "../migrations/bring.ts";
import type { Attestation } from "../attestation/attestation.ts";
import type { Engine } from "../reconcile/engine.ts";
import { notApplied } from "../reconcile/reconciler.ts";
import { failureOf, type PassFailure } from "../reconcile/pass-failure.ts";
import { hostPath, type System } from "../machine/system.ts";
import { sealIfWanted } from "../sealing/want-sealed.ts";
import { actOnUnit } from "../machine/unit.ts";
import { keepTryForPlannedReboot } from "../update/boot/sets.ts";
import { readUserData } from "../user-data/user-data.ts";

type SettingsHost = { system: System; facts: Facts; model: Model; datastore: Datastore };
export type BootHost = SettingsHost & { engine: Engine; attestation: Pick<Attestation, "begin"> };

export type BootStep = {
  step: string;
  state: "waiting" | "running" | "done" | "failed" | "skipped";
  failure?: PassFailure;
  /** When it began, by the clock that never jumps. */
  startedMs?: number;
  tookMs?: number;
};

/** Where a boot is; changes while it runs. */
export type BootStatus = { steps: BootStep[]; userData: { problems: Problem[] } };

type Outcome = "done" | "skipped";
type Step = { description: string; run: (host: BootHost, status: BootStatus, signal: AbortSignal) => Promise<Outcome> };

const generateMissing: Step = { description: "generate settings that depend on this machine", run: applyGenerated };

const steps: readonly Step[] = [
  { description: "wait for the file systems of this machine", run: awaitFileSystems },
  { description: "bring settings to the form of this version", run: migrateSettings },
  { description: "read user data, on first boot", run: applyUserData },
  generateMissing,
  { description: "measure settings before anything else begins, where there is a TPM", run: measureSettings },
  { description: "write configuration files and apply kernel settings", run: applySettings },
  { description: "reboot for boot parameters, when settings say so", run: rebootToReconcile },
  { description: "see what is to prepare this machine", run: describeBootstrap },
  { description: "see what is to come into /usr", run: listExtensions },
];

/** Code of a step without whose success the boot must not go on. */
const essentialMissing = "essential-missing";

/** Told only when it fails: then nothing that waits for the boot begins. */
const markConfigured: Step = {
  description: "let what waits for this boot begin",
  async run({ system }) {
    await writeFileAtomic(hostPath(system, configuredMark), "");
    return "done";
  },
};

/** As whom generators are known in the history. */
const generatorsPart = "generators";

/** The transaction's name in Bottlerocket. */
const launch = "bottlerocket-launch";

export function newBootStatus(): BootStatus {
  return {
    steps: steps.map(({ description }) => ({ step: description, state: "waiting" })),
    userData: { problems: [] },
  };
}

/** Of a host whose settings cannot be read: nothing is done, since nobody knows how the machine should be. */
export function haltedBoot(reason: Failure): BootStatus {
  const failure: PassFailure = { code: essentialMissing, message: reason.message };
  return { steps: [{ step: "open the settings", state: "failed", failure }], userData: { problems: [] } };
}

/** Why the boot goes no further than this list; undefined when it may. */
export function haltedBy({ steps: bootSteps }: BootStatus): string | undefined {
  return bootSteps.find(({ failure }) => failure?.code === essentialMissing)?.failure?.message;
}

/** Runs every step; rejects only when the signal aborts. */
export async function boot(host: BootHost, status: BootStatus, signal: AbortSignal): Promise<void> {
  for (const [at, step] of steps.entries()) {
    const startedMs = host.system.clock.elapsedMs();
    status.steps[at] = { step: step.description, state: "running", startedMs };
    const ended = await runStep(step, host, status, signal);
    status.steps[at] = { ...ended, startedMs, tookMs: host.system.clock.elapsedMs() - startedMs };
  }
  // Without the mark, nothing that waits for preconfigured.target starts; the API stays, and says why.
  if (haltedBy(status) !== undefined) return;
  const marked = await runStep(markConfigured, host, status, signal);
  if (marked.state === "failed") status.steps.push(marked);
}

async function runStep(
  { description, run }: Step,
  host: BootHost,
  status: BootStatus,
  signal: AbortSignal,
): Promise<BootStep> {
  try {
    return { step: description, state: await run(host, status, signal) };
  } catch (error) {
    signal.throwIfAborted();
    host.system.log.error(`boot: cannot ${description}`, error);
    return { step: description, state: "failed", failure: failureOf(error) };
  }
}

/** A first boot makes them, on disks that may be large. The unit has ten minutes for its whole boot. */
const fileSystemsMs = 8 * 60_000;

/**
 * The daemon begins before them, so that its API answers. User data may lie on a disk, and what a container or the kernel is
 * to find must not be written before that is there.
 *
 * @throws {UnitFailure} for one that cannot be mounted: the boot goes on without it
 */
async function awaitFileSystems({ system }: BootHost): Promise<Outcome> {
  // Where systemd runs: sd_booted(3).
  if (!(await isPresent(hostPath(system, "/run/systemd/system")))) return "skipped";
  if (await isPresent(hostPath(system, configuredMark))) return "skipped";
  await actOnUnit(system, "start", "local-fs.target", { limitMs: fileSystemsMs });
  return "done";
}

async function migrateSettings({ system, facts, datastore }: BootHost): Promise<Outcome> {
  return (await bringToForm(system, datastore, facts.versionId, migrations)) ? "done" : "skipped";
}

/**
 * Sets what user data says and nobody chose yet. A host whose user data was wrong reads it again at its next boot, and
 * what it says by then counts more than what generators found meanwhile.
 */
export async function applyUserData(host: SettingsHost, status: BootStatus, signal: AbortSignal): Promise<Outcome> {
  const { system, facts, model, datastore } = host;
  // A host whose settings were lost begins with what user data says, as at its first boot.
  if (datastore.version > 0 && (await kept.userDataRead.read(system)) !== undefined) return "skipped";
  const { values, from, problems } = await readUserData({ system, variant: facts.variant, model }, signal);
  status.userData.problems = problems;
  if (await sealIfWanted(system, datastore, values)) {
    // The machine goes down; what the boot would do now is for the next one.
    await untilAborted(signal);
    signal.throwIfAborted();
  }
  const generated = await generatedKeys(datastore);
  const unchosen = [...values].filter(([key]) => !datastore.values.has(key) || generated.has(key));
  await commit(datastore, new Map(unchosen), "user-data", `user data from ${from.join(", ")}`);
  if (problems.length > 0) {
    throw new Failure("bad-user-data", `cannot apply all user data: ${problems.map(describeProblem).join("; ")}`);
  }
  await kept.userDataRead.replace(system, "");
  return "done";
}

async function applyGenerated(host: BootHost, _status: BootStatus, signal: AbortSignal): Promise<Outcome> {
  const { datastore, model } = host;
  const settings = model.complete(model.tree(datastore.values));
  const { values, failures } = await generate({ ...host, settings }, (key) => datastore.values.has(key), signal);
  // A person may have set them while they were looked for.
  const unset = new Map([...values].filter(([key]) => !datastore.values.has(key)));
  await commit(datastore, unset, generatorsPart, `generate ${[...unset.keys()].join(", ")}`);
  const [first] = failures;
  if (first === undefined) return values.size === 0 ? "skipped" : "done";
  const keys = failures.map(({ key, error }) => `${key}: ${messageOf(error)}`);
  throw new Failure("not-generated", `cannot generate ${keys.join("; ")}`, { cause: first.error });
}

/**
 * Also on a host that is not sealed: from here on the TPM opens no partition. Whoever puts one in place of ours, and is root by what
 * it says, could else have ours opened.
 */
async function measureSettings({ attestation }: BootHost): Promise<Outcome> {
  try {
    return (await attestation.begin()) ? "done" : "skipped";
  } catch (error) {
    throw new Failure(essentialMissing, `cannot go on with the boot: ${messageOf(error)}`, { cause: error });
  }
}

async function applySettings({ engine }: BootHost): Promise<Outcome> {
  const { reconcilers } = await engine.passAll();
  const failing = reconcilers.flatMap(({ name, failure }) => (failure === undefined ? [] : [{ name, failure }]));
  if (failing.length === 0) return "done";
  const details = failing.map(({ name, failure }) => `${name}: ${failure.message}`).join("; ");
  if (failing.some(({ failure }) => failure.code === tooFewHugePages)) {
    throw new Failure(essentialMissing, `cannot go on with the boot: ${details}`);
  }
  throw new Failure(notApplied, `cannot apply all settings: ${details}`);
}

/** Once for the same parameters: a machine that does not take them must not reboot for ever. */
export async function rebootToReconcile({ system, model, datastore }: SettingsHost): Promise<Outcome> {
  const { boot: settings } = model.complete(model.tree(datastore.values));
  if (!settings["reboot-to-reconcile"]) return "skipped";
  const words = wantedWords(settings);
  const tried = await kept.rebootedFor.read(system);
  if (words === (await wordsOfThisBoot(system)) || words === tried) return "skipped";
  await kept.rebootedFor.replace(system, words);
  system.log.info("boot: rebooting, as settings.boot.reboot-to-reconcile says");
  await keepTryForPlannedReboot(system);
  await system.run(["systemctl", "--no-block", "reboot"]);
  return "done";
}

/** bootstrap.service looks for it once the boot goes on, and writes it from then on. */
async function describeBootstrap({ system, model, datastore }: BootHost): Promise<Outcome> {
  if (await isPresent(hostPath(system, configuredMark))) return "skipped";
  const settings = model.complete(model.tree(datastore.values));
  const entries = [...commandsIn(settings), ...containersIn(settings)];
  if (entries.length > 0) await writeRecord(system, { entries });
  else await removeIfPresent(hostPath(system, recordPath));
  return entries.length > 0 ? "done" : "skipped";
}

/** merge-extensions.service looks for it once the boot goes on. */
async function listExtensions({ system, model, datastore }: BootHost): Promise<Outcome> {
  if (await isPresent(hostPath(system, configuredMark))) return "skipped";
  const names = chosenExtensions(model.complete(model.tree(datastore.values)));
  await writeBootList(system, names);
  return names.length > 0 ? "done" : "skipped";
}

/** Keys whose value nobody chose: a generator was the last to set them. */
async function generatedKeys(datastore: Datastore): Promise<Set<string>> {
  const lastBy = new Map<string, Author>();
  for (const { by, changes } of await datastore.history()) {
    for (const { key } of changes) lastBy.getOrInsert(key, by);
  }
  const isGenerator = (by: Author): boolean => by.kind === "host" && by.part === generatorsPart;
  return new Set([...lastBy].filter(([, by]) => isGenerator(by)).map(([key]) => key));
}

async function commit(
  datastore: Datastore,
  values: ReadonlyMap<string, Json>,
  part: string,
  message: string,
): Promise<void> {
  if (values.size === 0) return;
  datastore.stage(launch, values);
  await datastore.commit(launch, { kind: "host", part }, message);
}

const firstRetryMs = 10_000;
const lastRetryMs = 5 * 60_000;

/**
 * After the boot: goes on looking for values that were not to be had, so that a network that is late still names the
 * host, and finds anew what somebody returned to its default.
 *
 * @param complete called when what could not be found is found
 */
export async function keepGenerating(
  host: BootHost,
  status: BootStatus,
  complete: () => Promise<void>,
  signal: AbortSignal,
): Promise<never> {
  const { datastore, system } = host;
  const at = steps.indexOf(generateMissing);
  let known = 0; // what was committed while the boot went on is looked at too
  for (let waitMs = firstRetryMs; ;) {
    const before = status.steps[at];
    const changed = async (raced: AbortSignal): Promise<unknown> => datastore.changedSince(known, raced);
    const retry = async (raced: AbortSignal): Promise<unknown> => system.clock.sleep(waitMs, raced);
    await firstOf(signal, before?.state === "failed" ? [changed, retry] : [changed]);
    known = datastore.version;
    const after = await runStep(generateMissing, host, status, signal);
    // That nothing was missing says less than how the last value was found.
    if (before?.state === "failed" || after.state !== "skipped") status.steps[at] = { ...before, ...after };
    waitMs = after.state === "failed" ? Math.min(lastRetryMs, waitMs * 2) : firstRetryMs;
    if (before?.state === "failed" && after.state !== "failed") await complete();
  }
}
