/** What this process knows of hosts: their answers to SSM commands. Lost with the process, which then asks anew. */
import { type Deadline, deadline } from "../../lib/clock.ts";
import type { KnownHost } from "../roll-out/snapshot.ts";
import { type SsmCommand, type CommandRun, runCommand } from "./ssm-command.ts";
import { type HostStatus, readHostStatus, readHostUpdate, reportOf, type HostUpdate } from "./reported-host.ts";

export type HostKnowledge = {
  /** Undefined where it never answered. */
  report: KnownHost | undefined;
  /** The boot in which its own agent is registered with ECS; empty where it is not. */
  agentBoot: string;
  /** Why an order is not carried out, or not yet. */
  refusal: { order: string; reason: string } | undefined;
  /** Why it does not answer now. */
  silence: string | undefined;
};

/** Names of SSM documents. */
export type Documents = { check: string; apply: string; reboot: string; status: string };

/** Whoever is not reachable is not asked, and what is known of it stays. */
export type AskedHost = { id: string; atWork: boolean; isReachable: boolean };

type Answers = { status: HostStatus | undefined; update: HostUpdate | undefined; checkedUntil: Deadline | undefined };

/** How long what a host would apply is taken for true. */
const checkMs = 600_000;
/** Hosts asked at once: SSM takes some commands a second, and calls beyond are throttled. */
const atOnce = 25;

export class Hosts {
  readonly #run: CommandRun;
  readonly #documents: Documents;
  readonly #answerMs: number;
  readonly #answers = new Map<string, Answers>();
  readonly #known = new Map<string, HostKnowledge>();

  /** @param answerMs how long a host has to answer */
  constructor(run: CommandRun, documents: Documents, answerMs: number) {
    this.#run = run;
    this.#documents = documents;
    this.#answerMs = answerMs;
  }

  get known(): ReadonlyMap<string, HostKnowledge> {
    return this.#known;
  }

  /** Asks those at work how they are, and the rest whether there is an update, now and then. Forgets all others. */
  async look(instances: readonly AskedHost[]): Promise<void> {
    const wanted = new Set(instances.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!wanted.has(id)) this.forget(id);
    const reachable = instances.filter(({ isReachable }) => isReachable);
    const due = reachable.filter(({ id, atWork }) => atWork || this.#answers.get(id)?.checkedUntil?.passed !== false);
    for (let at = 0; at < due.length; at += atOnce) {
      const asks = due.slice(at, at + atOnce);
      await Promise.all(asks.map(async ({ id, atWork }) => await (atWork ? this.askStatus(id) : this.ask(id))));
    }
  }

  forget(id: string): void {
    this.#known.delete(id);
    this.#answers.delete(id);
  }

  /** Whether there is an update, and how it is. */
  async ask(id: string): Promise<HostUpdate | undefined> {
    const answer = await this.#command(id, this.#documents.check, "looks for an update");
    const read = answer.ran ? readHostUpdate(answer.output) : answer;
    const update = "value" in read ? read.value : undefined;
    const checkedUntil = deadline(this.#run.clock, checkMs);
    this.#answers.set(id, { status: this.#answers.get(id)?.status, update, checkedUntil });
    if ("value" in read) await this.askStatus(id);
    else this.#note(id, { silence: read.reason });
    return update;
  }

  async askStatus(id: string): Promise<void> {
    const answer = await this.#command(id, this.#documents.status, "asks how it is");
    const read = answer.ran ? readHostStatus(answer.output) : answer;
    if (!("value" in read)) return this.#note(id, { silence: read.reason });
    const status = read.value;
    const before = this.#answers.get(id);
    // What it would have applied before it booted says nothing.
    const rebooted = before?.status !== undefined && before.status.bootId !== status.bootId;
    const update = rebooted ? undefined : before?.update;
    this.#answers.set(id, { status, update, checkedUntil: rebooted ? undefined : before?.checkedUntil });
    this.#note(id, {
      report: reportOf(status, update),
      agentBoot: status.ecs?.ready === true ? status.bootId : "",
      silence: undefined,
    });
  }

  refuse(id: string, order: string, reason: string | undefined): void {
    this.#note(id, { refusal: reason === undefined ? undefined : { order, reason } });
  }

  #note(id: string, change: Partial<HostKnowledge>): void {
    const before = this.#known.get(id) ?? {
      report: undefined,
      agentBoot: "",
      refusal: undefined,
      silence: undefined,
    };
    this.#known.set(id, { ...before, ...change });
  }

  async #command(id: string, document: string, comment: string) {
    const command: SsmCommand = { document, comment: `the updater of the fleet ${comment}` };
    return await runCommand(this.#run, id, command, this.#answerMs);
  }
}
