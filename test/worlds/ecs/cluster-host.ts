/** A host of a cluster, as SSM and ECS reach it: played, or a machine. */

/** What SSM sends: the lines of a document's script, and for which boot. */
export type SentCommand = { lines: readonly string[]; bootId: string };

export type Ran = { ok: boolean; output: string; errors: string };

export interface ClusterHost {
  readonly instance: string;
  /** Its agent is not connected. */
  readonly away: boolean;
  /** No command reaches it, or ends. */
  readonly hangs: boolean;
  /** @param tasksLeft how many tasks are on it that are no daemons */
  run(command: SentCommand, tasksLeft: number): Promise<Ran>;
  /** Has its agent stop a task, which reports when it has; one without an agent has its tasks stopped for it. */
  stopTask?(task: string): void;
}
