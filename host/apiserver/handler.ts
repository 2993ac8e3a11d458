/** What an endpoint of the contract is asked, and what its handler answers. */
import type { endpoints, EndpointName } from "../../api/endpoints/contract.ts";
import type { AnswerOf, BodyOf, QueryOf } from "../../api/endpoints/endpoint.ts";
import type { Caller } from "./callers/caller.ts";
import type { FileAnswer, JsonList, PreparedReply, TextReply } from "./server/reply.ts";

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
  : Table[Name] extends { text: string }
    ? AnswerOf<Table[Name]> | TextReply
    : | AnswerOf<Table[Name]>
      | PreparedReply
      | (AnswerOf<Table[Name]> extends readonly (infer Entry)[] ? JsonList<Entry> : never);

export type Handler<Name extends EndpointName> = (
  request: ApiRequest<QueryOf<Table[Name]>, BodyOf<Table[Name]>>,
) => Promise<Answer<Name>> | Answer<Name>;

export type Handlers<Names extends EndpointName = EndpointName> = { [Name in Names]: Handler<Name> };
