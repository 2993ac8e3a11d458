/** Ephemeral disks: what a request names is checked here; ephemeral-storage.service, which may do it, does it. */
import { endpoints } from "../../../api/endpoints/contract.ts";
import type { textFormats } from "../../../api/endpoints/query.ts";
import { Failure } from "../../../lib/failure.ts";
import { Place } from "../../../lib/place.ts";
import { writeFileAtomic } from "../../../lib/files/files.ts";
import {
  bindTargets,
  checkDisks,
  chosenTargets,
  ephemeralDisks,
  requestPath,
  unit,
  type EphemeralStorageRequest,
} from "../../ephemeral-storage/places.ts";
import { runToItsEnd } from "../../machine/unit.ts";
import { hostPath, type System } from "../../machine/system.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";
import { TextReply } from "../server/reply.ts";

/** Formatting a large disk takes its time. */
const unitMs = 35 * 60_000;

type Names = "initEphemeralStorage" | "bindEphemeralStorage" | "listEphemeralDisks" | "listEphemeralTargets";

export function ephemeralStorageHandlers({ system, facts: { variant } }: ApiContext): Handlers<Names> {
  const place = new Place<EphemeralStorageRequest["kind"]>(
    () => new Failure("ephemeral-storage-busy", "cannot start: ephemeral storage is being prepared already"),
  );
  return {
    async initEphemeralStorage({ body: { filesystem = "xfs", disks } }) {
      using _work = place.acquire("init");
      const known = await ephemeralDisks(system);
      if (disks !== undefined) checkDisks(disks, known);
      return await run(system, { kind: "init", filesystem, disks: disks ?? known });
    },
    async bindEphemeralStorage({ body }) {
      const { targets, leftOut } = chosenTargets(body.targets ?? [], variant);
      for (const directory of leftOut) {
        system.log.info(`ephemeral-storage: variant ${variant.name} has no ${directory}: it is not bound`);
      }
      using _work = place.acquire("bind");
      return targets.length === 0 ? undefined : await run(system, { kind: "bind", targets });
    },
    listEphemeralDisks: async ({ query }) => listed(await ephemeralDisks(system), query.format),
    listEphemeralTargets: ({ query }) => listed(bindTargets(variant), query.format),
  };
}

function listed(paths: string[], format: (typeof textFormats)[number] = "text"): string[] | TextReply {
  return format === "json" ? paths : new TextReply(paths, endpoints.listEphemeralDisks.text);
}

async function run(system: System, request: EphemeralStorageRequest): Promise<undefined> {
  system.log.info(`ephemeral-storage: ${JSON.stringify(request)}`);
  await writeFileAtomic(hostPath(system, requestPath), JSON.stringify(request), 0o600);
  await runToItsEnd(system, unit, { limitMs: unitMs });
}
