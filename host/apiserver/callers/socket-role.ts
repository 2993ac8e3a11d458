/** What whoever holds the API's socket may do, as the settings say. */
import type { Role } from "../../../api/endpoints/endpoint.ts";
import type { Settings } from "../../../settings/model/model.ts";
import { containerNamed } from "../../containers/description.ts";
import type { Origin } from "./origin.ts";

export function socketRole(settings: Settings, origin: Origin): Role | undefined {
  if (origin.kind === "host") return "admin";
  if (origin.kind === "workload") return settings.api.socket.workloads ? "admin" : undefined;
  const { type, name } = containerNamed(origin.id);
  switch (type) {
    case "host": {
      const containers = settings["host-containers"];
      // One that the settings do not have any more is about to end.
      const api = Object.hasOwn(containers, name) ? (containers[name]?.api ?? "none") : "none";
      return api === "none" ? undefined : api;
    }
    case "bootstrap":
      return "admin"; // as on Bottlerocket, where it may change settings before anything else starts
    case "health":
      return undefined;
  }
}
