/** The status of the host, as the daemon puts it together. */
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";

export function statusHandlers({
  status,
  bootTimeline,
  usage,
}: ApiContext): Handlers<"getStatus" | "getBoot" | "getUsage"> {
  return { getStatus: async () => status(), getBoot: async () => bootTimeline(), getUsage: async () => usage() };
}
