/** As much of systemd as `systemctl` shows of it: units with a state, started and restarted. */
import { Failure } from "../../../lib/failure.ts";
import type { TestSystem } from "./system.ts";

export type TestUnit = {
  state: "active" | "inactive" | "failed" | "activating";
  /** How often it was started, restarted or reloaded. */
  started: number;
  reloaded: number;
  /** When set, it does not start: the result that systemd shows, and the journal. */
  breaks?: { result: string; journal: string };
  /** Its ExecCondition= is not met: it is started without a failure and does nothing. */
  skipped?: boolean;
  /** What it does each time that it is started. */
  does?: () => void;
};

/** Units that are not in the map do not exist: they are inactive and cannot be started. */
export function runSystemd(host: TestSystem, states: Record<string, TestUnit["state"]> = {}): Map<string, TestUnit> {
  const units = new Map<string, TestUnit>(
    Object.entries(states).map(([name, state]) => [name, { state, started: 0, reloaded: 0 }]),
  );
  const start = (name: string): string => {
    const unit = units.get(name);
    if (unit === undefined)
      throw new Failure("exit-status", `cannot run systemctl: it exited with 5: Unit ${name} not found.`);
    if (unit.skipped === true) return "";
    unit.started++;
    unit.state = unit.breaks === undefined ? "active" : "failed";
    if (unit.state === "failed")
      throw new Failure("exit-status", `cannot run systemctl: it exited with 1: Job for ${name} failed.`);
    unit.does?.();
    return "";
  };
  host.programs.set("systemctl", ([, verb = "", ...rest]) => {
    const names = rest.filter((word) => !word.startsWith("-"));
    const [name = ""] = names;
    switch (verb) {
      case "show":
        if (rest.includes("--property=ActiveState") && rest.includes("--value"))
          return `${units.get(name)?.state ?? "inactive"}\n`;
        // Of a unit that was skipped systemd keeps nothing: it is unloaded at once.
        if (rest.includes("--property=Result")) return `${units.get(name)?.breaks?.result ?? "success"}\n`;
        return names
          .map((unit) => `Id=${unit}\nNames=${unit}\nActiveState=${units.get(unit)?.state ?? "inactive"}\n`)
          .join("\n");
      case "restart":
      case "start":
        return start(name);
      case "reload-or-restart": {
        const unit = units.get(name);
        if (unit?.state !== "active") return start(name);
        unit.reloaded++;
        return "";
      }
      case "daemon-reload":
        return "";
      default:
        throw new Error(`this systemd does not know ${verb}`);
    }
  });
  host.programs.set("journalctl", (argv) => {
    const name = argv.flatMap((word) => /^(?:--unit|_SYSTEMD_UNIT)=(.*)$/.exec(word)?.[1] ?? []).at(0) ?? "";
    return units.get(name)?.breaks?.journal ?? "";
  });
  return units;
}
