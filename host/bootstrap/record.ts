/**
 * What prepares this machine before workloads start, and how far it is: kept in one file until the machine is off.
 *
 * hostd writes what is to be done before preconfigured.target is reached; without the file, bootstrap.service is
 * skipped. From then on it is written by `bootstrap`, and hostd reads it for its status.
 */
import { z } from "zod";
import { bootstrapEntry, type BootstrapEntry } from "../../api/status.ts";
import { Failure } from "../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { Settings } from "../../settings/model/model.ts";
import { hostPath, type System } from "../machine/system.ts";

export type BootstrapWork = BootstrapEntry;

const recordSchema = z.object({
  entries: z.array(bootstrapEntry),
  /** Why the boot goes no further. */
  halted: z.string().exactOptional(),
});
export type BootstrapRecord = z.infer<typeof recordSchema>;

/** The unit's condition names it too. */
export const recordPath = "/run/orlop/bootstrap.json";

/** `preconfigured.target` is only reached when it is there. */
export const configuredMark = "/run/orlop/configured";

/** @throws {Failure<"bad-record">} and system errors */
export async function readRecord(system: System): Promise<BootstrapRecord | undefined> {
  const text = await readTextIfPresent(hostPath(system, recordPath));
  if (text === undefined) return undefined;
  const record = recordSchema.safeParse(parseJson(text));
  if (record.success) return record.data;
  throw new Failure("bad-record", `cannot read ${recordPath}: ${z.prettifyError(record.error)}`);
}

export async function writeRecord(system: System, record: BootstrapRecord): Promise<void> {
  await writeFileAtomic(hostPath(system, recordPath), JSON.stringify(record));
}

/** Lists of commands in the order of their names, as in Bottlerocket. */
export function commandsIn(settings: Settings): BootstrapWork[] {
  return entriesOf("commands", settings["bootstrap-commands"]);
}

export function containersIn(settings: Settings): BootstrapWork[] {
  return entriesOf("container", settings["bootstrap-containers"]);
}

type Wish = { mode: "off" | "once" | "always"; essential: boolean };

function entriesOf(kind: BootstrapWork["kind"], wishes: Readonly<Record<string, Wish>>): BootstrapWork[] {
  return Object.entries(wishes)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([name, { mode, essential }]) =>
      mode === "off" ? [] : [{ kind, name, mode, essential, state: "waiting" as const }],
    );
}

/** The name in sentences. */
export const called = ({ kind, name }: BootstrapWork): string =>
  kind === "commands" ? `commands ${name}` : `container ${name}`;
