/** A change of settings in one request: nothing is staged, and whoever asked learns what came of it. */
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";
import { withProposed } from "./settings.ts";
import type { PassWaiters } from "../answers/pass-waiters.ts";

export function changeHandlers(context: ApiContext, waiting: PassWaiters): Handlers<"changeSettings"> {
  return {
    async changeSettings({ query, body, caller, signal }) {
      const { message = "", ...proposed } = body;
      const changes = withProposed(context, proposed);
      const committed = await context.changes.make(changes, caller.author, message, query.try);
      return await waiting.applied(committed, query.wait, signal());
    },
  };
}
