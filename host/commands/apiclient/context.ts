/** What every command of `apiclient` has: a connection to a host, made when it is first needed. */
import { connect, type Client } from "../../../api/client/client.ts";
import type { HostAddress, KeptConnection } from "../../../api/client/transport.ts";
import { Refused } from "../../../api/client/refused.ts";
import {
  commandsWith,
  type Arguments,
  type Command,
  type CommandDefinition,
  type Invocation,
  type Options,
} from "../../../lib/command/command.ts";
import { defined } from "../../../lib/defined.ts";
import { Failure, isFailure } from "../../../lib/failure.ts";
import { describeProblem } from "../../../settings/model/problem.ts";
import { hostAddress, type AddressOptions } from "./address.ts";

export type ClientContext = {
  readonly invocation: Invocation;
  readonly signal: AbortSignal;
  readonly verbose: boolean;
  /** No host was named, so the one this runs on is meant. */
  readonly meansThisHost: boolean;
  /** The host, as the options say. */
  readonly api: () => Promise<Client>;
  /** The same, over one connection for all requests; for commands that poll. */
  readonly apiOver: (kept: KeptConnection) => Promise<Client>;
  readonly address: () => Promise<HostAddress>;
};

export function clientContext(invocation: Invocation, options: AddressOptions, verbose: boolean): ClientContext {
  let client: Promise<Client> | undefined;
  return {
    invocation,
    signal: invocation.signal,
    verbose,
    meansThisHost: [options.host, options.context, options["socket-path"]].every((value) => value === undefined),
    api: () => (client ??= hostAddress(options).then((address) => connect(address))),
    apiOver: async (kept) => connect(await hostAddress(options), kept),
    address: async () => await hostAddress(options),
  };
}

type None = Record<never, never>;

/** A command that talks to a host. What the host says is wrong with settings is part of what the person reads. */
export function apiCommand<const O extends Options = None, const A extends Arguments = None, Data = unknown>(
  definition: CommandDefinition<ClientContext, O, A, Data>,
): Command<ClientContext> {
  return commandsWith<ClientContext>()({
    ...definition,
    async run(context, values) {
      try {
        return await definition.run(context, values);
      } catch (error) {
        if (error instanceof Refused && error.problems.length > 0) throw withProblems(error);
        if (context.meansThisHost && isFailure(error, "cannot-connect")) throw withoutHost(error);
        throw error;
      }
    },
  });
}

function withoutHost({ code, message, cause }: Failure): Failure {
  const hint = "this machine is no host, or its daemon is down; --host and --context name others";
  return new Failure(code, message, { hint, cause });
}

function withProblems({ code, message, hint, problems }: Refused): Failure {
  const lines = [message, ...problems.map((problem) => `  ${describeProblem(problem)}`)].join("\n");
  return new Failure(code, lines, defined({ hint }));
}
