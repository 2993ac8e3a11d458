/** The host's own containers. */
import { Refused } from "../../../api/client/refused.ts";
import { hostContainersOf } from "../../containers/container-states.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "./handler.ts";

const linesUsually = 5;

export function hostContainerHandlers({ system, document }: ApiContext): Handlers<"getHostContainers" | "exec"> {
  return {
    exec() {
      throw new Refused("upgrade-required", "cannot GET /exec: it takes a websocket", {
        hint: "`apiclient exec` makes one",
      });
    },
    getHostContainers: async ({ query: { name, lines = linesUsually } }) =>
      await hostContainersOf(system, document.settings(), { name, lines }),
  };
}
