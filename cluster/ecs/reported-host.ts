/** What a host tells of itself by `apiclient update check` and `apiclient status --json`, as the roll-out knows hosts. */
import { z } from "zod";
import { status, updateStatus } from "../../api/status.ts";
import { isFailure, messageOf } from "../../lib/failure.ts";
import { parseJson } from "../../lib/text/json.ts";
import type { KnownHost } from "../roll-out/snapshot.ts";

/** Of the two answers, what is asked for. A host of a later version may tell more. */
const HostStatus = z.object(status.pick({ update: true, heldUpdates: true, ecs: true }).shape).extend({
  bootId: z.string(),
  os: z.object(status.shape.os.pick({ version_id: true, variant_id: true, arch: true }).shape),
});
const HostUpdate = z.object(
  updateStatus.pick({ update_state: true, chosen_update: true, staging_partition: true }).shape,
);

export type HostStatus = z.output<typeof HostStatus>;
export type HostUpdate = z.output<typeof HostUpdate>;
export type Read<Value> = { value: Value } | { reason: string };

export const readHostStatus = (text: string): Read<HostStatus> => read(HostStatus, text);
export const readHostUpdate = (text: string): Read<HostUpdate> => read(HostUpdate, text);

function read<Schema extends z.ZodType>(schema: Schema, text: string): Read<z.output<Schema>> {
  try {
    const parsed = schema.safeParse(parseJson(text));
    return parsed.success
      ? { value: parsed.data }
      : { reason: `its answer cannot be read: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}` };
  } catch (error) {
    if (isFailure(error, "bad-json")) return { reason: `its answer cannot be read: ${messageOf(error)}` };
    throw error;
  }
}

/** The version that `apiclient update apply` would bring; undefined where there is none. */
export function versionToApply(update: HostUpdate): string | undefined {
  switch (update.update_state) {
    case "Idle":
      return undefined;
    case "Available":
      return update.chosen_update?.version;
    case "Staged":
    case "Ready":
      return update.staging_partition?.image.version ?? update.chosen_update?.version;
  }
}

/**
 * What the host would apply counts as staged: it is downloaded while the instance is drained, and activated only then, so
 * that an instance that reboots for another reason keeps its version.
 *
 * @param update undefined where it was not asked since the host booted
 */
export function reportOf(host: HostStatus, update: HostUpdate | undefined): KnownHost {
  const version = update === undefined ? undefined : versionToApply(update);
  const { os, bootId, heldUpdates = [] } = host;
  return {
    boot: bootId,
    version: os.version_id,
    variant: os.variant_id,
    arch: os.arch,
    state: update?.update_state ?? "Idle",
    offers: version === undefined ? [] : [{ version }],
    staged: version,
    fallback: undefined,
    // Whether it has proved healthy is not known: then it has not.
    onTrial: host.update?.stage === "on-trial" || host.update?.stage === "unknown",
    held: heldUpdates.map((held) => ({ version: held.version, reason: held.reason })),
    accepted: undefined,
    refused: undefined,
    activity: undefined,
    failure: undefined,
  };
}
