/** How the host's own containers do: the answer of GET /host-containers, and a part of GET /status. */
import type { HostContainersBody } from "../../api/host-containers.ts";
import type { StatusBody } from "../../api/status.ts";
import { defined } from "../../lib/defined.ts";
import { Failure } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import type { Settings } from "../../settings/model/model.ts";
import { containerUnit, imageDigestPath } from "./description.ts";
import { journalLines } from "../machine/journal.ts";
import { hostPath, type System } from "../machine/system.ts";

type UnitState = { active: string; sub: string; restarts: number };

const unitOf = (name: string) => containerUnit({ type: "host", name });

export async function hostContainersOf(
  system: System,
  settings: Settings,
  { name: only, lines }: { name?: string | undefined; lines: number },
): Promise<HostContainersBody> {
  const chosen = Object.entries(settings["host-containers"]).filter(([name]) => only === undefined || name === only);
  const states = await unitStates(
    system,
    chosen.map(([name]) => unitOf(name)),
  );
  return await Promise.all(
    chosen.map(async ([name, { enabled, superpowered, source }]) => {
      const digest = await digestOf(system, name);
      const { active, sub, restarts } = states.get(unitOf(name)) ?? unknownState;
      const lacksImage = enabled && source === undefined;
      return {
        name,
        enabled,
        superpowered,
        ...defined({ source }),
        state: lacksImage ? noImage : `${active} (${sub})`,
        restarts,
        ...defined({ digest }),
        log: lines === 0 ? [] : await lastLines(system, unitOf(name), lines),
      };
    }),
  );
}

/** Of the image that it runs. What cannot be read is left out: the rest of the answer counts all the more. */
async function digestOf(system: System, name: string): Promise<string | undefined> {
  try {
    return await readTextIfPresent(hostPath(system, imageDigestPath({ type: "host", name })));
  } catch (error) {
    system.log.error(`host-containers: cannot tell the image of ${name}`, error);
    return undefined;
  }
}

/** Of the enabled ones. One without an image has no unit that could tell anything. */
export async function hostContainerStates(
  system: System,
  settings: Settings,
): Promise<NonNullable<StatusBody["hostContainers"]>> {
  const enabled = Object.entries(settings["host-containers"]).filter(([, container]) => container.enabled);
  const states = await unitStates(
    system,
    enabled.flatMap(([name, { source }]) => (source === undefined ? [] : [unitOf(name)])),
  );
  return enabled.map(([name, { source }]) => {
    if (source === undefined) {
      const reason = `settings.host-containers.${name}.source is not set`;
      return { name, state: noImage, restarts: 0, failing: true, reason };
    }
    const { active, sub, restarts } = states.get(unitOf(name)) ?? unknownState;
    const failing = active === "failed" || waiting.includes(sub);
    return { name, state: `${active} (${sub})`, restarts, failing };
  });
}

const noImage = "no image";
/** Until it is started again: by the time that is set, and then by what is done before. Source: systemd 257, basic/unit-def.c. */
const waiting: readonly string[] = ["auto-restart", "auto-restart-queued"];

const unknownState: UnitState = { active: "unknown", sub: "unknown", restarts: 0 };

/** One question for all of them: each takes systemd a moment. */
async function unitStates(system: System, units: readonly string[]): Promise<Map<string, UnitState>> {
  if (units.length === 0) return new Map();
  const argv = ["systemctl", "show", "--property=Id,ActiveState,SubState,NRestarts", ...units] as const;
  const shown = await orElse("", async () => await system.run(argv, { limitMs }));
  return new Map(
    shown.split("\n\n").map((paragraph) => {
      const properties = new Map(paragraph.split("\n").map((line) => [line.split("=")[0], line.split("=")[1]]));
      const state = {
        active: properties.get("ActiveState") ?? "unknown",
        sub: properties.get("SubState") ?? "unknown",
        restarts: Number(properties.get("NRestarts") ?? 0),
      };
      return [properties.get("Id") ?? "", state];
    }),
  );
}

/** Nothing when systemd does not answer: whoever asks how the host does needs the rest all the more. */
async function orElse<Answer>(nothing: Answer, ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Failure) return nothing;
    throw error;
  }
}

const limitMs = 5_000;

async function lastLines(system: System, unit: string, lines: number): Promise<string[]> {
  return await orElse([], async () => await journalLines(system, { unit, lines }));
}
