/** The host's own containers. */
import { hostContainersOf } from "../host-containers.ts";
import type { ApiContext } from "./context.ts";
import type { Handlers } from "./handlers.ts";

const linesUsually = 5;

export function hostContainerHandlers({ system, document }: ApiContext): Handlers<"getHostContainers"> {
  return {
    getHostContainers: async ({ query: { name, lines = linesUsually } }) =>
      await hostContainersOf(system, document.settings(), { name, lines }),
  };
}
