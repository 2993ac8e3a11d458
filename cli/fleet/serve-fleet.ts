/** The page of a fleet, served until somebody interrupts the verb. */
import type { FleetSource } from "../../cluster/console/fleet-source.ts";
import { type Invocation, usageFailure } from "../../lib/command/command.ts";

export const consoleOptions = {
  write: { type: "boolean", help: "Let the page stop the fleet", short: "w" },
  port: {
    type: "text",
    value: "PORT",
    help: "Of loopback; a free one unless given",
    default: "0",
    parse: portNumber,
  },
} as const;

function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw usageFailure(`a port from 0 to 65535 is expected, not "${text}"`);
}

export async function serveFleet(
  source: FleetSource,
  options: { program: string; mayWrite: boolean; port: number },
  { signal, note }: Pick<Invocation, "signal" | "note">,
): Promise<void> {
  const { openFleetConsole } = await import("../../cluster/console/open-fleet-console.ts");
  await using server = await openFleetConsole(source, options);
  note(`open ${server.firstVisit}\nIt works once; Ctrl-C ends it.`);
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
