/**
 * Host containers of `settings.host-containers`: each enabled one is described in a file that its unit reads, and the
 * unit is started, started anew when the description differs, or stopped.
 *
 * The hash of the description that a unit was started with is recorded as for rendered files (`units.ts`), so a daemon
 * that dies between the file and the unit still starts the unit anew when it comes back.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { removeIfPresent } from "../../lib/files/files.ts";
import { defined } from "../../lib/defined.ts";
import { unreachable } from "../../lib/failure.ts";
import type { Settings } from "../../settings/model/model.ts";
import { containerUnit, descriptionPath, persistentDirectory, type Description } from "../containers/description.ts";
import { describedNames, writeDescription } from "../containers/described.ts";
import { hostPath, type System } from "../machine/system.ts";
import { actOnUnit } from "../machine/unit.ts";
import { reconciler } from "./reconciler.ts";
import { readRecords, unitsThatShouldRun, writeRecord } from "./units.ts";

type Actual = {
  /** Units that run or should. */
  active: ReadonlySet<string>;
  /** Hashes by unit. */
  records: ReadonlyMap<string, string>;
  /** Names that have a description. */
  described: readonly string[];
};
type Step = { kind: "run"; description: Description; action: "start" | "restart" } | { kind: "stop"; name: string };

const type = "host";

export const hostContainers = reconciler<readonly Description[], Actual, Step>({
  name: "host-containers",
  desired: describedBy,
  async observe(system, desired) {
    const described = await describedNames(system, type);
    const names = new Set([...described, ...desired.map(({ name }) => name)]);
    const units = [...names].map((name) => containerUnit({ type, name }));
    return { active: await unitsThatShouldRun(system, units), records: await readRecords(system), described };
  },
  plan: planHostContainers,
  describe(step) {
    const name = step.kind === "run" ? step.description.name : step.name;
    const action = step.kind === "run" ? step.action : "stop";
    return {
      description: `${action} host container ${name}`,
      units: [{ name: containerUnit({ type, name }), action }],
    };
  },
  async apply(system, step) {
    switch (step.kind) {
      case "run": {
        const { description, action } = step;
        const unit = containerUnit(description);
        await writeDescription(system, description);
        // It may have to wait for the boot, and for its image.
        await system.run(["systemctl", "--no-block", action, unit]);
        await writeRecord(system, unit, hashOf(description));
        return;
      }
      case "stop": {
        await stopContainer(system, step.name);
        return;
      }
      default:
        unreachable(step);
    }
  },
  afterFailure: "continue",
});

/** The containers that are to run. An enabled one without an image cannot: `status` tells so (host/containers/container-states.ts). */
export function describedBy({ "host-containers": containers }: Settings): Description[] {
  return Object.entries(containers).flatMap(([name, { enabled, source, superpowered, api, command, ...rest }]) => {
    if (!enabled || source === undefined) return [];
    const userData = rest["user-data"];
    return [
      {
        type,
        name,
        source,
        superpowered,
        api,
        ...defined({ command, userData }),
      },
    ];
  });
}

export function planHostContainers(desired: readonly Description[], { active, records, described }: Actual): Step[] {
  const wanted = new Set(desired.map(({ name }) => name));
  return [
    ...described.filter((name) => !wanted.has(name)).map((name) => ({ kind: "stop", name }) as const),
    ...desired.flatMap((description): Step[] => {
      const unit = containerUnit(description);
      const isActive = active.has(unit);
      if (isActive && records.get(unit) === hashOf(description)) return [];
      return [{ kind: "run", description, action: isActive ? "restart" : "start" }];
    }),
  ];
}

/** The description goes last, so that a stop which failed is tried again. */
async function stopContainer(system: System, name: string): Promise<void> {
  await actOnUnit(system, "stop", containerUnit({ type, name }));
  // What it keeps stays for when it runs again; its user data is written anew then, and may be a secret.
  await removeIfPresent(join(hostPath(system, persistentDirectory({ type, name })), "user-data"));
  await removeIfPresent(hostPath(system, descriptionPath({ type, name })));
}

function hashOf(description: Description): string {
  return createHash("sha256").update(JSON.stringify(description)).digest("hex");
}
