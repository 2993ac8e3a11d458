/** A machine as a host of a cluster: SSM's commands run in its control container, tasks come to its agent. */
import type { ClusterHost, Ran, SentCommand } from "./cluster-host.ts";
import type { TaskServer } from "./task-server.ts";

/** Runs a program in a container of the machine: `apiclient exec`. */
export type ExecIn = (container: string, command: readonly string[]) => Promise<{ output: string; exitCode: number }>;

export class RealHost implements ClusterHost {
  readonly instance: string;
  readonly hangs = false;
  readonly containerInstance: string;
  readonly #tasks: TaskServer;
  readonly #exec: ExecIn;
  /** Every script that ran, with what it printed. */
  readonly ran: { script: string; output: string }[] = [];

  constructor(
    { instance, containerInstance }: { instance: string; containerInstance: string },
    tasks: TaskServer,
    exec: ExecIn,
  ) {
    this.instance = instance;
    this.containerInstance = containerInstance;
    this.#tasks = tasks;
    this.#exec = exec;
  }

  get away(): boolean {
    return !this.#tasks.isConnected(this.containerInstance);
  }

  /** As the SSM agent in the control container does. */
  async run({ lines, bootId }: SentCommand): Promise<Ran> {
    const script = lines.join("\n").replaceAll("{{ BootId }}", bootId);
    const errorsFile = `/tmp/errors-${crypto.randomUUID()}`;
    const { output, exitCode } = await this.#exec("control", ["sh", "-c", `exec 2>${errorsFile}\n${script}`]);
    this.ran.push({ script, output });
    if (exitCode === 0) return { ok: true, output, errors: "" };
    return { ok: false, output, errors: (await this.#exec("control", ["cat", errorsFile])).output };
  }

  stopTask(arn: string): void {
    if (!this.away) this.#tasks.send(this.containerInstance, { arn, containers: [] }, "STOPPED");
  }
}
