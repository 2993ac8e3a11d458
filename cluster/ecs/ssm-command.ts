/** Runs a document of SSM on an instance, and waits for what it prints, with a limit. */
import { CancelCommandCommand, GetCommandInvocationCommand, SendCommandCommand } from "@aws-sdk/client-ssm";
import type { SSMClient } from "@aws-sdk/client-ssm";
import { type Clock, deadline } from "../../lib/clock.ts";
import { awsErrorName } from "./cluster-access.ts";

export type CommandAnswer = { ran: true; output: string } | { ran: false; reason: string };

export type CommandRun = {
  ssm: SSMClient;
  clock: Clock;
  /** Between two looks at how it goes. */
  pollMs: number;
  signal: AbortSignal;
};

/** SSM gives a command up that reached no agent in so many seconds; it takes no shorter time. */
const deliverySeconds = 30;
/** SSM cuts longer output (GetCommandInvocation in its API reference). */
const longestOutput = 24_000;

export type SsmCommand = { document: string; parameters?: Record<string, string[]>; comment: string };

/** Sends it and does not wait: what reboots an instance has no answer. Gives its id. */
export async function sendCommand(
  { ssm, signal }: Pick<CommandRun, "ssm" | "signal">,
  instance: string,
  { document, parameters, comment }: SsmCommand,
): Promise<string> {
  const { Command: sent } = await ssm.send(
    new SendCommandCommand({
      DocumentName: document,
      InstanceIds: [instance],
      TimeoutSeconds: deliverySeconds,
      Comment: comment.slice(0, 100),
      ...(parameters === undefined ? {} : { Parameters: parameters }),
    }),
    { abortSignal: signal },
  );
  return sent?.CommandId ?? "";
}

/** A command that hangs is cancelled after `limitMs`, and has an answer all the same. */
export async function runCommand(
  run: CommandRun,
  instance: string,
  command: SsmCommand,
  limitMs: number,
): Promise<CommandAnswer> {
  const { ssm, clock, pollMs, signal } = run;
  const patience = deadline(clock, limitMs);
  let id: string;
  try {
    id = await sendCommand(run, instance, command);
  } catch (error) {
    const name = awsErrorName(error);
    if (name === undefined || signal.aborted) throw error;
    return { ran: false, reason: `SSM does not send ${command.document}: ${name}` };
  }
  while (!patience.passed) {
    await clock.sleep(pollMs, signal);
    const answer = await answerOf(run, instance, command.document, id);
    if (answer !== undefined) return answer;
  }
  await ssm.send(new CancelCommandCommand({ CommandId: id, InstanceIds: [instance] }), { abortSignal: signal });
  return { ran: false, reason: `${command.document} did not end within ${Math.round(limitMs / 1000)} s` };
}

/** Undefined while it goes on. */
async function answerOf(
  { ssm, signal }: CommandRun,
  instance: string,
  document: string,
  id: string,
): Promise<CommandAnswer | undefined> {
  try {
    const invocation = await ssm.send(new GetCommandInvocationCommand({ CommandId: id, InstanceId: instance }), {
      abortSignal: signal,
    });
    const { Status: status, StandardOutputContent: output = "", StandardErrorContent: errors = "" } = invocation;
    switch (status) {
      case "Success":
        return output.length < longestOutput ? { ran: true, output } : { ran: false, reason: "its answer is cut" };
      case "Pending":
      case "InProgress":
      case "Delayed":
      case "Cancelling":
      case undefined:
        return undefined;
      default:
        return { ran: false, reason: `${document}: ${errors.trim().split("\n").at(-1) || status}` };
    }
  } catch (error) {
    // For some seconds after it was sent, SSM does not know of it.
    if (awsErrorName(error) === "InvocationDoesNotExist") return undefined;
    throw error;
  }
}
