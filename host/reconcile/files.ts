/**
 * Every file that is rendered from settings: written when it differs, removed when it is no longer rendered, and the
 * units that read it restarted or reloaded.
 *
 * What was written is listed in `/run/orlop/files`, so that only our own files are ever removed. `units.ts` says how
 * restarts survive a crash. A group of files that cannot be rendered keeps what it has and its units are left alone.
 */
import { createHash, randomBytes } from "node:crypto";
import { lstat, mkdir, readFile, readlink, rename, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { assert, systemErrorCode, unreachable } from "../../lib/failure.ts";
import { removeIfPresent, removeLeftovers, textsIn, writeFileAtomic } from "../../lib/files/files.ts";
import { readBy } from "../datastore/reads.ts";
import { serviceManager, type ConfigFiles, type RenderedFile } from "../files/config-file.ts";
import { hostPath, type System } from "../machine/system.ts";
import { actOnUnit } from "../machine/unit.ts";
import { reconciler, type Effect, type FileText, type Reconciler } from "./reconciler.ts";
import { readRecords, stale, unitsThatShouldRun, writeRecord } from "./units.ts";

const ownedDirectory = "/run/orlop/files";

/** A unit that reads files of a group, and is restarted or reloaded when they change; `record` is its name in `units.ts`. */
type Taker = { record: string; unit: string; action: "restart" | "reload"; hash: string };
type Group = { name: string; files: RenderedFile[]; takers: Taker[] };
/** `read` is what its files depend on, `withheld` the hashes of files whose units are left alone because of it. */
type Refusal = { name: string; error: unknown; read: ReadonlyMap<string, unknown>; withheld: string[] };
type Rendered = { groups: Group[]; refusals: Refusal[] };
type Desired = Rendered & { warnings: string[] };
type Actual = {
  files: Map<string, RenderedFile>;
  /** Path to the name of the group that wrote it. */
  owned: Map<string, string>;
  records: Map<string, string>;
  shouldRun: Set<string>;
};
type Step =
  | { kind: "refuse"; refusal: Refusal }
  | {
      kind: "write";
      file: RenderedFile;
      present: RenderedFile | undefined;
      change: "create" | "modify";
      group: string;
      outdated: string[];
    }
  | { kind: "remove"; path: string; outdated: string[] }
  | { kind: "act"; unit: string; action: Taker["action"]; records: Taker[] }
  | { kind: "note"; untouched: Taker[]; inactive: Taker[] };

export function filesReconciler(configuration: readonly ConfigFiles[]): Reconciler {
  return reconciler<Desired, Actual, Step>({
    name: "files",
    desired: (settings, facts) => ({
      ...renderGroups(
        configuration,
        (group) => group.render(settings, facts),
        (group) => readBy(settings, (recorded) => group.render(recorded, facts)),
      ),
      warnings: configuration.flatMap((group) => group.warnings?.(settings) ?? []),
    }),
    observe,
    plan: planFiles,
    warnings: ({ warnings }) => warnings,
    describe,
    fileText,
    apply,
    afterFailure: "continue",
  });
}

function renderGroups(
  configuration: readonly ConfigFiles[],
  render: (group: ConfigFiles) => RenderedFile[],
  reads: (group: ConfigFiles) => ReadonlyMap<string, unknown>,
): Rendered {
  const rendered: { group: ConfigFiles; files: RenderedFile[] }[] = [];
  const refusals: Omit<Refusal, "withheld">[] = [];
  const seen = new Set<string>();
  for (const group of configuration) {
    try {
      const files = render(group);
      for (const { path } of files) {
        assert(!seen.has(path), `${path} has one owner`);
        seen.add(path);
      }
      rendered.push({ group, files });
    } catch (error) {
      refusals.push({ name: group.name, error, read: reads(group) });
    }
  }
  const refused = configuration.filter(({ name }) => refusals.some((refusal) => refusal.name === name));
  const heldBack = new Set(refused.flatMap(takerNames).map(({ record }) => record));
  const hashes = hashByRecord(rendered);
  const groups = rendered.map(({ group, files }) => ({
    name: group.name,
    files,
    takers: takerNames(group).flatMap((taker) => {
      const hash = hashes.get(taker.record);
      return hash === undefined || heldBack.has(taker.record) ? [] : [{ ...taker, hash }];
    }),
  }));
  const withheld = (group: ConfigFiles): string[] =>
    takerNames(group).flatMap(({ record }) => hashes.get(record) ?? []);
  const byName = new Map(refused.map((group) => [group.name, withheld(group)]));
  return {
    groups,
    refusals: refusals.map((refusal) => ({ ...refusal, withheld: byName.get(refusal.name) ?? [] })),
  };
}

function takerNames({ restart, reload }: ConfigFiles): Omit<Taker, "hash">[] {
  return [
    ...restart.map((unit) => ({ record: unit, unit, action: "restart" as const })),
    ...reload.map((unit) => ({ record: `${unit}.reload`, unit, action: "reload" as const })),
  ];
}

/** A taker's hash covers all files it reads, of whichever group. */
function hashByRecord(rendered: readonly { group: ConfigFiles; files: RenderedFile[] }[]): Map<string, string> {
  const hashers = new Map<string, ReturnType<typeof createHash>>();
  for (const { group, files } of rendered) {
    for (const { record } of takerNames(group)) {
      const hasher = hashers.get(record) ?? createHash("sha256");
      hashers.set(record, hasher);
      for (const file of files) hasher.update(JSON.stringify(file));
    }
  }
  return new Map([...hashers].map(([record, hasher]) => [record, hasher.digest("hex")]));
}

async function observe(system: System, { groups }: Desired): Promise<Actual> {
  const paths = groups.flatMap((group) => group.files.map(({ path }) => path));
  const [present, owned, records] = await Promise.all([
    Promise.all(paths.map(async (path) => await readAsRendered(system, path))),
    readOwned(system),
    readRecords(system),
  ]);
  const outdated = groups
    .flatMap(({ takers }) => takers)
    .flatMap(({ record, unit, hash }) => (unit === serviceManager || records.get(record) === hash ? [] : [unit]));
  return {
    files: new Map(present.flatMap((file) => (file === undefined ? [] : [[file.path, file]]))),
    owned,
    records,
    shouldRun: await unitsThatShouldRun(system, [...new Set(outdated)]),
  };
}

function planFiles({ groups, refusals }: Desired, actual: Actual): Step[] {
  const steps: Step[] = refusals.map((refusal) => ({ kind: "refuse", refusal }));
  const touched = new Set<string>();
  const outdatedIn = (group: Group | undefined): string[] => {
    const outdated = (group?.takers ?? []).filter(({ record, hash }) => actual.records.get(record) !== hash);
    return outdated.map(({ record }) => (touched.add(record), record));
  };

  for (const group of groups) {
    for (const file of group.files) {
      const present = actual.files.get(file.path);
      if (present !== undefined && isSame(file, present)) continue;
      const change = present === undefined ? "create" : "modify";
      steps.push({ kind: "write", file, present, change, group: group.name, outdated: outdatedIn(group) });
    }
  }
  const rendered = new Set(groups.flatMap(({ files }) => files.map(({ path }) => path)));
  for (const [path, owner] of actual.owned) {
    if (rendered.has(path) || refusals.some(({ name }) => name === owner)) continue;
    steps.push({ kind: "remove", path, outdated: outdatedIn(groups.find(({ name }) => name === owner)) });
  }

  const takers = new Map(groups.flatMap((group) => group.takers.map((taker) => [taker.record, taker])));
  const [untouched, inactive, due]: [Taker[], Taker[], Taker[]] = [[], [], []];
  for (const taker of takers.values()) {
    const record = actual.records.get(taker.record);
    if (record === taker.hash) continue;
    if (record === undefined && !touched.has(taker.record)) untouched.push(taker);
    else if (taker.unit === serviceManager || actual.shouldRun.has(taker.unit)) due.push(taker);
    else inactive.push(taker);
  }
  steps.push(...unitSteps(due));
  if (untouched.length + inactive.length > 0) steps.push({ kind: "note", untouched, inactive });
  return steps;
}

/** The service manager first, since it starts the others; a restart makes a reload of the same unit needless. */
function unitSteps(due: readonly Taker[]): Step[] {
  const byUnit = Map.groupBy(due, ({ unit }) => unit);
  const units = [...byUnit.keys()].toSorted((left, right) => rank(left) - rank(right));
  return units.map((unit) => {
    const records = byUnit.get(unit) ?? [];
    const action = records.some((taker) => taker.action === "restart") ? "restart" : "reload";
    return { kind: "act", unit, action, records };
  });
}

const rank = (unit: string): number => (unit === serviceManager ? 0 : 1);

function describe(step: Step): Effect | undefined {
  switch (step.kind) {
    case "refuse":
      return { description: `leave ${step.refusal.name} as it is` };
    case "write": {
      const { change, file } = step;
      return {
        description: `${change === "create" ? "create" : "change"} ${file.path}`,
        file: { path: file.path, change },
      };
    }
    case "remove":
      return { description: `remove ${step.path}`, file: { path: step.path, change: "remove" } };
    case "act":
      if (step.unit === serviceManager) return { description: "read units again" };
      return { description: `${step.action} ${step.unit}`, units: [{ name: step.unit, action: step.action }] };
    case "note":
      return undefined;
    default:
      return unreachable(step);
  }
}

/** Of files that everybody on the host may read, and only while they are short enough to be looked at. */
function fileText(step: Step): FileText | undefined {
  if (step.kind !== "write") return undefined;
  const before = step.present === undefined ? "" : openText(step.present);
  const after = openText(step.file);
  return before === undefined || after === undefined ? undefined : { before, after };
}

const textCharactersMost = 256 * 1024;
/** See inode(7): others may read it. */
const readableByAll = 0o004;

function openText(file: RenderedFile): string | undefined {
  if ("linkTo" in file) return undefined;
  const isOpen = (file.mode & readableByAll) !== 0 && file.content.length <= textCharactersMost;
  return isOpen ? file.content : undefined;
}

async function apply(system: System, step: Step): Promise<void> {
  switch (step.kind) {
    case "refuse":
      throw step.refusal.error;
    case "write": {
      const { file } = step;
      const path = hostPath(system, file.path);
      for (const record of step.outdated) await writeRecord(system, record, stale);
      await removeLeftovers(path); // of a daemon that was killed while it wrote this very file
      await writeFileAtomic(ownedFile(system, file.path), step.group);
      if ("linkTo" in file) await linkAtomic(path, file.linkTo);
      else await writeFileAtomic(path, file.content, file.mode);
      return;
    }
    case "remove":
      for (const record of step.outdated) await writeRecord(system, record, stale);
      await removeIfPresent(hostPath(system, step.path));
      await removeIfPresent(ownedFile(system, step.path));
      return;
    case "act":
      if (step.unit === serviceManager) await system.run(["systemctl", "daemon-reload"]);
      else await actOnUnit(system, step.action === "restart" ? "restart" : "reload-or-restart", step.unit);
      for (const { record, hash } of step.records) await writeRecord(system, record, hash);
      return;
    case "note": {
      // A unit that was started since it was observed may have read the old files; the next pass restarts it.
      const started = await unitsThatShouldRun(
        system,
        step.inactive.map(({ unit }) => unit),
      );
      const recorded = [...step.untouched, ...step.inactive.filter(({ unit }) => !started.has(unit))];
      for (const { record, hash } of recorded) await writeRecord(system, record, hash);
      return;
    }
    default:
      unreachable(step);
  }
}

const ownedFile = (system: System, path: string): string =>
  join(hostPath(system, ownedDirectory), encodeURIComponent(path));

async function readOwned(system: System): Promise<Map<string, string>> {
  const texts = await textsIn(hostPath(system, ownedDirectory));
  return new Map([...texts].map(([name, owner]) => [decodeURIComponent(name), owner]));
}

function isSame(left: RenderedFile, right: RenderedFile): boolean {
  if ("linkTo" in left) return "linkTo" in right && left.linkTo === right.linkTo;
  return "content" in right && left.content === right.content && left.mode === right.mode;
}

/** Undefined also when something else stands in the way: then it is the write that fails, and says so. */
async function readAsRendered(system: System, path: string): Promise<RenderedFile | undefined> {
  const real = hostPath(system, path);
  try {
    const stats = await lstat(real);
    if (stats.isSymbolicLink()) return { path, linkTo: await readlink(real) };
    return { path, mode: stats.mode & 0o7777, content: await readFile(real, "utf8") };
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/** As `writeFileAtomic`: whoever looks finds the old or the new. */
async function linkAtomic(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}`);
  await symlink(target, temporary);
  await rename(temporary, path);
}
