/** The status of the host, as the daemon puts it together. */
import type { ApiContext } from "../context.ts";
import type { Handlers } from "./handler.ts";

export function statusHandlers({ status }: ApiContext): Handlers<"getStatus"> {
  return { getStatus: async () => status() };
}
