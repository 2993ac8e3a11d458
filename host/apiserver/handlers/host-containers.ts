/** The host's own containers. */
import { allows } from "../../../api/endpoints/endpoint.ts";
import { Refused } from "../../../api/client/refused.ts";
import { hostContainersOf } from "../../containers/container-states.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";

const linesUsually = 5;

export function hostContainerHandlers({ system, currentSettings }: ApiContext): Handlers<"getHostContainers" | "exec"> {
  return {
    exec() {
      throw new Refused("upgrade-required", "cannot GET /exec: it takes a websocket", {
        hint: "`apiclient exec` makes one",
      });
    },
    async getHostContainers({ query: { name, lines }, caller }) {
      const mayRead = caller.role !== undefined && allows(caller.role, "operator");
      if (!mayRead && (lines ?? 0) > 0) {
        throw new Refused("forbidden", "cannot read what containers print: it needs the role operator", {
          hint: "lines=0 asks for their states alone",
        });
      }
      return await hostContainersOf(system, currentSettings.settings(), {
        name,
        lines: mayRead ? (lines ?? linesUsually) : 0,
      });
    },
  };
}
