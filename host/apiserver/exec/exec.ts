/** Programs in host containers over websockets: how many there may be, and what they end with. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { Refused } from "../../../api/client/refused.ts";
import type { Audit } from "../../daemon/audit.ts";
import { hostContainerd } from "../../containers/description.ts";
import type { KnownSecrets } from "../../masking/known-secrets.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { seesSecrets } from "../secrets.ts";
import { describeAuthor, type Caller } from "../callers/caller.ts";
import type { ExecContext, ExecSessions } from "./exec-session.ts";

/** "sh" and 2 arguments: any of them may be a secret, and administrators have them in the history. */
function openCommand([program = "", ...further]: readonly string[]): string {
  const count = further.length === 0 ? "" : ` and ${further.length} argument${further.length === 1 ? "" : "s"}`;
  return `${JSON.stringify(program)}${count}`;
}

/** Each may hold some megabytes of input. */
const sessionsMost = 32;
/** Of one owner. */
const sessionsShare = 16;
const pipesPath = "/run/orlop/exec";

export class Exec implements AsyncDisposable {
  readonly #system: System;
  readonly #audit: Audit;
  readonly #secrets: Pick<KnownSecrets, "learnCommand">;
  readonly #stopping: AbortSignal;
  /** With whose each is. */
  readonly #running = new Map<Promise<void>, Caller["owner"]>();
  #sessions: Promise<ExecSessions> | undefined;

  /** @param secrets learns the arguments of programs, which may print them */
  constructor(system: System, audit: Audit, secrets: Pick<KnownSecrets, "learnCommand">, stopping: AbortSignal) {
    this.#system = system;
    this.#audit = audit;
    this.#secrets = secrets;
    this.#stopping = stopping;
  }

  /**
   * Takes a connection that asked to become a websocket.
   *
   * @param isOpen whether the way it came by is; when not, the program ends
   * @throws {Refused<"forbidden" | "too-busy">}
   */
  accept(caller: Caller, isOpen: () => boolean, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { owner } = caller;
    const owned =
      owner === undefined
        ? 0
        : this.#running
            .values()
            .filter((whose) => whose === owner)
            .toArray().length;
    if (this.#running.size >= sessionsMost || owned >= sessionsShare) {
      throw new Refused("too-busy", `cannot GET /exec: ${this.#running.size} programs run already`);
    }
    const { log } = this.#system;
    const author = describeAuthor(caller.author);
    const context: ExecContext = {
      directory: hostPath(this.#system, pipesPath),
      record: async (execution) => {
        await this.#audit.executed(caller.author, execution);
        this.#secrets.learnCommand(execution.command);
        log.info(`exec: ${author} runs ${openCommand(execution.command)} in ${execution.container}`);
      },
      failed: (error) => log.error(`exec: of ${author}`, error),
      ended: (summary) => log.info(`exec: of ${author}: ${summary}`),
      // Whoever may not see secrets any more may not run programs either: it takes an administrator.
      isAllowed: () => isOpen() && seesSecrets(caller),
      stopping: this.#stopping,
    };
    const session = this.#serve(context, request, socket, head)
      .catch((error: unknown) => {
        socket.destroy();
        log.error(`exec: of ${author}`, error);
      })
      .finally(() => void this.#running.delete(session));
    this.#running.set(session, owner);
  }

  /** What it takes is loaded and connected when somebody first runs a program: most hosts never see one. */
  async #serve(context: ExecContext, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const opened = (this.#sessions ??= import("./exec-session.ts").then(
      async ({ openSessions }) =>
        await openSessions(hostPath(this.#system, hostContainerd.socket), hostPath(this.#system, pipesPath)),
    ));
    try {
      await (await opened).serve(context, request, socket, head);
    } catch (error) {
      if (this.#sessions === opened && (await Promise.allSettled([opened]))[0].status === "rejected") {
        this.#sessions = undefined; // the next one tries anew
      }
      throw error;
    }
  }

  /** Every program that was started has ended when this resolves. Abort `stopping` first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.keys());
    const [opened] = await Promise.allSettled([this.#sessions]);
    if (opened.status === "fulfilled") opened.value?.[Symbol.dispose]();
  }
}
