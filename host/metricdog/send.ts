/** Looks at the services and sends a report, once: a server that does not answer is logged and not tried again. */
import { explain, Failure } from "../../lib/failure.ts";
import type { Settings } from "../../settings/groups/group.ts";
import type { Facts } from "../machine/facts.ts";
import { requestThrough, routeOf } from "../machine/outbound.ts";
import type { System } from "../machine/system.ts";
import { reportUrl, unitOf, type FailedService, type ReportEvent } from "./report.ts";

/** A boot is not to wait for a server of statistics. */
const timeoutMs: Readonly<Record<ReportEvent, number>> = { boot_success: 3_000, health_ping: 20_000 };

export type Sent = { kind: "sent"; url: string } | { kind: "off" } | { kind: "failed"; reason: string };

export async function sendReport(
  system: System,
  event: ReportEvent,
  settings: Settings,
  facts: Facts,
  signal: AbortSignal,
): Promise<Sent> {
  const failed = event === "health_ping" ? await failedServices(system, settings.metrics["service-checks"]) : [];
  const url = reportUrl(event, settings, facts, failed);
  if (url === undefined) return { kind: "off" };
  try {
    const until = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs[event])]);
    const response = await system.fetch(url, {
      signal: until,
      ...requestThrough(await routeOf(system, settings), url),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Failure("refused", `the server answered ${response.status}`);
    return { kind: "sent", url: url.href };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", reason: explain(error) };
  }
}

async function failedServices(system: System, services: readonly string[]): Promise<FailedService[]> {
  const all = await Promise.all(services.map(async (name) => await failedService(system, name)));
  return all.filter((service) => service !== undefined);
}

/** A service that cannot be looked at is none that runs: the report goes out all the same, and says so. */
async function failedService(system: System, name: string): Promise<FailedService | undefined> {
  const properties = ["--property=ActiveState", "--property=ExecMainStatus"];
  let shown: string;
  try {
    shown = await system.run(["systemctl", "show", ...properties, unitOf(name)]);
  } catch (error) {
    system.log.error(`metricdog: cannot tell whether ${name} runs`, error);
    return { name, exitStatus: "unknown" };
  }
  const values = new Map(shown.split("\n").map((line) => [line.split("=")[0], line.split("=")[1]]));
  if (values.get("ActiveState") === "active") return undefined;
  return { name, exitStatus: values.get("ExecMainStatus") ?? "unknown" };
}
