/**
 * What a report about this host says: pure, from settings, facts and the state of its services.
 *
 * Source: Bottlerocket's metricdog; a server of reports sees the same query.
 */
import type { Settings } from "../../settings/groups/group.ts";
import type { Facts } from "../machine/facts.ts";

/** "boot_success" once for each boot that got there, "health_ping" every few hours. */
export type ReportEvent = "boot_success" | "health_ping";

/** A service that is not running, with the exit status of its main process; "unknown" when systemd does not answer. */
export type FailedService = { name: string; exitStatus: string };

/** Names that Bottlerocket's users know, for units that are called otherwise here. */
const aliases: Readonly<Record<string, string>> = { apiserver: "hostd", chronyd: "chrony" };

export function unitOf(service: string): string {
  return `${aliases[service] ?? service}.service`;
}

/** Where a report goes, its values in the query; undefined when settings want none. */
export function reportUrl(
  event: ReportEvent,
  settings: Settings,
  { variant, arch, versionId }: Pick<Facts, "variant" | "arch" | "versionId">,
  failed: readonly FailedService[],
): URL | undefined {
  const { metrics, updates, aws } = settings;
  if (!metrics["send-metrics"] || metrics["metrics-url"] === undefined) return undefined;
  const url = new URL(metrics["metrics-url"]);
  const parameters: Readonly<Record<string, string>> = {
    sender: "metricdog",
    event,
    version: versionId,
    variant: variant.name,
    arch,
    region: aws?.region ?? "global",
    seed: updates.seed === undefined ? "" : String(updates.seed),
    version_lock: updates["version-lock"],
    ignore_waves: String(updates["ignore-waves"]),
    ...(event === "health_ping"
      ? {
          is_healthy: String(failed.length === 0),
          failed_services: failed.map(({ name, exitStatus }) => `${name}:${exitStatus}`).join(","),
        }
      : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}
