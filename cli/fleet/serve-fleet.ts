/** The page of a fleet, served until somebody interrupts the verb. */
import type { FleetSource } from "../../cluster/console/fleet-source.ts";
import { untilAborted } from "../../lib/abortable.ts";
import type { Invocation } from "../../lib/command/command.ts";
import { portOf } from "../../lib/command/port.ts";

export const consoleOptions = {
  write: { type: "boolean", help: "Let the page stop the fleet", short: "w" },
  port: {
    type: "text",
    value: "PORT",
    help: "Of loopback; a free one unless given",
    default: "0",
    parse: (text: string) => portOf(text, 0),
  },
} as const;

export async function serveFleet(
  source: FleetSource,
  options: { program: string; mayWrite: boolean; port: number },
  { signal, note }: Pick<Invocation, "signal" | "note">,
): Promise<void> {
  const { openFleetConsole } = await import("../../cluster/console/open-fleet-console.ts");
  await using server = await openFleetConsole(source, options);
  note(`open ${server.firstVisit}\nIt works once; Ctrl-C ends it.`);
  await untilAborted(signal);
}
