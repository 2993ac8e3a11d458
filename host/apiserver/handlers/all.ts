/** What every endpoint of the contract does: the type makes a missing one a compile error. */
import type { endpoints, EndpointName } from "../../../api/endpoints/contract.ts";
import type { AnswerOf, BodyOf, QueryOf } from "../../../api/endpoints/endpoint.ts";
import { openApiDocument } from "../../../api/endpoints/openapi.ts";
import { actionHandlers } from "./actions.ts";
import type { Caller } from "../server/caller.ts";
import type { ApiContext } from "../context.ts";
import { ephemeralStorageHandlers } from "./ephemeral-storage.ts";
import { hostContainerHandlers } from "./host-containers.ts";
import { historyHandlers } from "./history.ts";
import { Metadata, metadataHandlers } from "./metadata.ts";
import { modelHandlers } from "./model.ts";
import { planHandlers } from "./plan.ts";
import { Prepared, type FileAnswer, type Lines } from "../server/reply.ts";
import { settingsHandlers } from "./settings.ts";
import { transactionHandlers } from "./transactions.ts";
import { Waiting } from "./waiting.ts";

type Table = typeof endpoints;

export type ApiRequest<Query, Body> = {
  query: Query;
  body: Body;
  caller: Caller;
  /** Aborts when the client goes away or the daemon stops. */
  signal: () => AbortSignal;
  /** What takes this daemon or its network away: begins once the client has its answer. What fails is logged. */
  afterwards: (work: () => Promise<unknown>) => void;
};

type Answer<Name extends EndpointName> = Table[Name] extends { download: string }
  ? FileAnswer
  : Table[Name] extends { lines: string }
    ? AnswerOf<Table[Name]> | Lines
    : AnswerOf<Table[Name]> | Prepared;

export type Handler<Name extends EndpointName> = (
  request: ApiRequest<QueryOf<Table[Name]>, BodyOf<Table[Name]>>,
) => Promise<Answer<Name>> | Answer<Name>;

export type Handlers<Names extends EndpointName = EndpointName> = { [Name in Names]: Handler<Name> };

export function handlersFor(context: ApiContext): Handlers {
  const waiting = new Waiting(context);
  const metadata = new Metadata(context);
  // Made when it is asked for: it takes longer than all that a boot has to wait for here.
  let openApi: Prepared | undefined;
  return {
    ...modelHandlers(context, metadata),
    ...settingsHandlers(context),
    ...transactionHandlers(context, waiting),
    ...planHandlers(context),
    ...historyHandlers(context, waiting),
    ...metadataHandlers(context, metadata),
    ...actionHandlers(context, waiting),
    ...hostContainerHandlers(context),
    ...ephemeralStorageHandlers(context),
    getOpenApi: () => (openApi ??= new Prepared(openApiDocument(context.facts.versionId))),
  };
}
