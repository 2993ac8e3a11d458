/** What every endpoint of the contract does: the type makes a missing one a compile error. */
import { openApiDocument } from "../../../api/endpoints/openapi.ts";
import { actionHandlers } from "./actions.ts";
import { changeHandlers } from "./change.ts";
import type { ApiContext } from "../context.ts";
import { ephemeralStorageHandlers } from "./ephemeral-storage.ts";
import type { Handlers } from "../handler.ts";
import { hostContainerHandlers } from "./host-containers.ts";
import { historyHandlers } from "./history.ts";
import { ConfigurationMetadata, metadataHandlers } from "./metadata.ts";
import { modelHandlers } from "./model.ts";
import { planHandlers } from "./plan.ts";
import { PreparedReply } from "../server/reply.ts";
import { reportHandlers } from "./report.ts";
import { settingsHandlers } from "./settings.ts";
import { statusHandlers } from "./status.ts";
import { supportArchiveHandlers } from "./support-archive.ts";
import { transactionHandlers } from "./transactions.ts";
import { updateHandlers } from "./updates.ts";
import { PassWaiters } from "../answers/pass-waiters.ts";

export function handlersFor(context: ApiContext): Handlers {
  const waiting = new PassWaiters(context);
  const metadata = new ConfigurationMetadata(context);
  // Made when it is asked for: it takes longer than all that a boot has to wait for here.
  let openApi: PreparedReply | undefined;
  return {
    ...modelHandlers(context, metadata),
    ...statusHandlers(context),
    ...settingsHandlers(context),
    ...transactionHandlers(context, waiting),
    ...changeHandlers(context, waiting),
    ...planHandlers(context),
    ...historyHandlers(context, waiting),
    ...metadataHandlers(context, metadata),
    ...actionHandlers(context, waiting),
    ...updateHandlers(context),
    ...supportArchiveHandlers(context),
    ...hostContainerHandlers(context),
    ...ephemeralStorageHandlers(context),
    ...reportHandlers(context),
    getOpenApi: () => (openApi ??= new PreparedReply(openApiDocument(context.facts.versionId))),
  };
}
