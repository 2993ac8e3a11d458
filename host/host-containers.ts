/** How the host's own containers do: the answer of GET /host-containers. */
import type { HostContainersBody } from "../api/host-containers.ts";
import { readTextIfPresent } from "../lib/files.ts";
import type { Settings } from "../settings/model.ts";
import { containerUnit, imageDigestPath } from "./containers/description.ts";
import { hostPath, type System } from "./system.ts";

export async function hostContainersOf(
  system: System,
  settings: Settings,
  { name: only, lines }: { name?: string | undefined; lines: number },
): Promise<HostContainersBody> {
  const chosen = Object.entries(settings["host-containers"]).filter(([name]) => only === undefined || name === only);
  return await Promise.all(
    chosen.map(async ([name, { enabled, superpowered, source }]) => {
      const container = { type: "host", name } as const;
      const unit = containerUnit(container);
      const shown = await system.run(["systemctl", "show", "--property=ActiveState,SubState,NRestarts", unit]);
      const properties = new Map(shown.split("\n").map((line) => [line.split("=")[0], line.split("=")[1]]));
      const digest = await readTextIfPresent(hostPath(system, imageDigestPath(container)));
      return {
        name,
        enabled,
        superpowered,
        ...(source === undefined ? {} : { source }),
        state: `${properties.get("ActiveState") ?? "unknown"} (${properties.get("SubState") ?? "unknown"})`,
        restarts: Number(properties.get("NRestarts") ?? 0),
        ...(digest === undefined ? {} : { digest }),
        log: await lastLines(system, unit, lines),
      };
    }),
  );
}

async function lastLines(system: System, unit: string, lines: number): Promise<string[]> {
  const text = await system.run([
    "journalctl",
    `--unit=${unit}`,
    `--lines=${lines}`,
    "--output=cat",
    "--no-pager",
    "--quiet",
  ]);
  return text.split("\n").filter((line) => line !== "");
}
