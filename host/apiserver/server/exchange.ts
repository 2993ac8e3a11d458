/**
 * One request from its first line to its answer, for the unix socket and the remote API alike.
 *
 * Here is the edge at which everything that is thrown becomes a status: what is expected tells the client why, what is
 * not goes to the journal with its stack.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Refused } from "../../../api/client/refused.ts";
import { explain } from "../../../lib/failure.ts";
import { mapTexts } from "../../../lib/text/texts.ts";
import type { System } from "../../machine/system.ts";
import { Bodies, parseBody } from "./body.ts";
import { refusePages } from "./browser.ts";
import { describeAuthor, type Caller } from "../callers/caller.ts";
import type { OpenConnection, Connections } from "./connections.ts";
import type { Exec } from "../exec/exec.ts";
import type { ApiRequest, Handlers } from "../handler.ts";
import { seesSecrets } from "../secrets.ts";
import {
  FileAnswer,
  JsonList,
  TextReply,
  PreparedReply,
  refuseUpgrade,
  reply,
  replyFile,
  replyList,
  replyRefusal,
  writtenAnswer,
} from "./reply.ts";
import { Outgoing, partsBytes } from "./outgoing.ts";
import { OwnerTally } from "./owner-tally.ts";
import { checkRole, routeOf, type MatchedEndpoint } from "./router.ts";

/** Handlers at work; clients that wait for reconcilers have a lower limit of their own, so they cannot fill this. */
const handlersMost = 64;
const handlersOfOwner = 16;

export class Exchange {
  readonly #handlers: Handlers;
  readonly #machine: Pick<System, "log" | "mask">;
  readonly #exec: Exec;
  readonly #stopping: AbortSignal;
  readonly #bodies = new Bodies();
  readonly #outgoing = new Outgoing();
  readonly #atWork = new OwnerTally();

  constructor(handlers: Handlers, exec: Exec, machine: Pick<System, "log" | "mask">, stopping: AbortSignal) {
    this.#handlers = handlers;
    this.#exec = exec;
    this.#machine = machine;
    this.#stopping = stopping;
  }

  /** Answers, sooner or later; never throws. */
  serve(
    connections: Connections<Caller>,
    connection: OpenConnection<Caller>,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const done = (answer: unknown): unknown => {
      const turn = (): void => connections.clientsTurn(connection);
      if (answer instanceof FileAnswer) return replyFile(response, answer, turn).finally(turn);
      const { peer } = connection;
      if (answer instanceof JsonList) {
        this.#takeOutgoing(partsBytes, peer, response);
        return replyList(response, answer, turn).finally(turn);
      }
      const written = writtenAnswer(this.#visible(answer, peer));
      if (written !== undefined) this.#takeOutgoing(Number(written.headers["content-length"]), peer, response);
      reply(response, written);
      turn();
      return undefined;
    };
    const refuse = (error: unknown): void => {
      const status = replyRefusal(request, response, error, this.#maskFor(connection.peer));
      connections.clientsTurn(connection);
      if (status >= 500) this.#note(request, connection.peer, status, error);
    };
    try {
      refusePages(request);
      const route = routeOf(request.method ?? "", request.url ?? "");
      checkRole(connection.peer, route);
      let answer: unknown;
      if (route.endpoint.body === undefined) {
        connections.requestComplete(connection);
        answer = this.#handle(route, undefined, connection.peer, response);
      } else {
        connections.clientsTurn(connection);
        answer = this.#bodies.read(request).then((text) => {
          connections.requestComplete(connection);
          return this.#handle(route, parseBody(route.endpoint, text), connection.peer, response);
        });
      }
      if (answer instanceof Promise) void answer.then(done).catch(refuse);
      else done(answer);
    } catch (error) {
      refuse(error);
    }
  }

  /** A request that asks to go on as a websocket, where `mayUpgrade` says that it may. */
  upgrade(
    connections: Connections<Caller>,
    connection: OpenConnection<Caller>,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void {
    try {
      refusePages(request);
      const route = routeOf(request.method ?? "", request.url ?? "");
      checkRole(connection.peer, route);
      this.#exec.accept(connection.peer, () => !connections.retiring, request, socket, head);
      connections.requestComplete(connection);
    } catch (error) {
      const status = refuseUpgrade(request, socket, error);
      connections.clientsTurn(connection);
      if (status >= 500) this.#note(request, connection.peer, status, error);
    }
  }

  /** Until the client has it, or is gone. @throws {Refused<"too-busy">} */
  #takeOutgoing(bytes: number, caller: Caller, response: ServerResponse): void {
    const giveBack = this.#outgoing.take(bytes, caller.owner, seesSecrets(caller));
    response.once("close", giveBack);
    if (response.destroyed) giveBack();
  }

  /** Whatever a handler answers may tell what a program printed. Secrets of settings are masked by who made it. */
  #visible(answer: unknown, caller: Caller): unknown {
    return answer instanceof PreparedReply || answer instanceof TextReply
      ? answer
      : mapTexts(answer, this.#maskFor(caller));
  }

  #maskFor(caller: Caller): (text: string) => string {
    return seesSecrets(caller) ? (text) => text : this.#machine.mask;
  }

  #handle({ name, query }: MatchedEndpoint, body: unknown, caller: Caller, response: ServerResponse): unknown {
    const { owner } = caller;
    const count = this.#atWork.total;
    if (count >= handlersMost || (owner !== undefined && this.#atWork.of(owner) >= handlersOfOwner)) {
      throw new Refused("too-busy", `cannot answer: ${count} requests are being worked on`);
    }
    const signal = (): AbortSignal => AbortSignal.any([this.#stopping, goneSignal(response)]);
    // The schemas of this very entry of the table have parsed query and body, so they have the types of its handler.
    const handler = this.#handlers[name] as (request: ApiRequest<unknown, unknown>) => unknown;
    const afterwards = (work: () => Promise<unknown>): void => {
      response.once(
        "close",
        () => void work().catch((error: unknown) => this.#machine.log.error(`api: ${name}`, error)),
      );
    };
    const answer = handler({ query, body, caller, signal, afterwards });
    return answer instanceof Promise ? this.#counted(answer, owner) : answer;
  }

  async #counted(answer: Promise<unknown>, owner: Caller["owner"]): Promise<unknown> {
    this.#atWork.add(owner, 1);
    try {
      return await answer;
    } finally {
      this.#atWork.add(owner, -1);
    }
  }

  #note(request: IncomingMessage, caller: Caller, status: number, error: unknown): void {
    const line = `api: ${request.method} ${request.url?.slice(0, 300)} by ${describeAuthor(caller.author)}`;
    const { log } = this.#machine;
    if (status === 500) log.error(line, error);
    else log.info(`${line}: ${explain(error)}`);
  }
}

/** Aborts when the client goes away before it has its answer. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once("close", () => gone.abort(new Refused("stopping", "the client went away")));
  return gone.signal;
}
