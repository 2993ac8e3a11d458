/** `apiclient` as people type it, against the real daemon on a small machine. */
import { expect } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiclient } from "../../../host/commands/apiclient.ts";
import { invoke, type CommandOutcome } from "../../../lib/command/command-line.ts";
import { runningHost, type RunningHost } from "./running-host.ts";

export type ClientOfHost = AsyncDisposable & {
  host: RunningHost;
  /** Of the test, for files that it names. */
  directory: string;
  run: (...words: string[]) => Promise<CommandOutcome>;
  piped: (stdin: string, ...words: string[]) => Promise<CommandOutcome>;
  /** What it prints, where it has nothing to complain about. */
  ok: (...words: string[]) => Promise<string>;
};

export async function clientOfHost(): Promise<ClientOfHost> {
  const host = await runningHost();
  const directory = await mkdtemp(join(tmpdir(), "apiclient-"));
  const run = async (...words: string[]): Promise<CommandOutcome> =>
    await invoke(apiclient, ["-s", host.socket, ...words]);
  return {
    host,
    directory,
    run,
    piped: async (stdin, ...words) => await invoke(apiclient, ["-s", host.socket, ...words], { stdin }),
    async ok(...words) {
      const { stdout, stderr, exitCode } = await run(...words);
      expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
      return stdout;
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}
