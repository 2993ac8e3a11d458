/**
 * Servers for machines of `up`: they serve until Ctrl-C, or beside the shell until `--stop`.
 *
 * Whoever serves leaves a record, by which `--detach` sees that it does and `--stop` finds it.
 */
import { deferred } from "../lib/deferred.ts";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { machineClock } from "../lib/clock.ts";
import type { Invocation, Switch } from "../lib/command/command.ts";
import { afterFailure, Failure } from "../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../lib/files/files.ts";
import { parseJson } from "../lib/text/json.ts";
import { start } from "../lib/program/program.ts";
import { progress } from "../lib/progress.ts";
import { identify, isAlive, kill, processIdentity, untilGone } from "../vm/process-identity.ts";
import { buildDirectory, repository } from "./context.ts";

export const serverOptions = {
  detach: { type: "boolean", help: "Return as soon as it serves; --stop ends it", short: "d" },
  stop: { type: "boolean", help: "End the one that serves" },
} as const satisfies Record<string, Switch>;

export type ServerVerb = {
  /** Of its files; what cannot serve at the same time has the same. */
  name: string;
  /** The words that have `./orlop` serve in the foreground. */
  words: readonly string[];
  /** Serves until the signal aborts; calls `ready` with a sentence once it does. */
  serve: (ready: (announcement: string) => Promise<void>, signal: AbortSignal) => Promise<void>;
};

const record = z.object({ process: processIdentity, announcement: z.string() });
type ServerRecord = z.infer<typeof record>;

const pollMs = 200;
const stopMs = 20_000;

/** @returns a sentence for the person */
export async function runServer(
  server: ServerVerb,
  { detach, stop }: { detach: boolean; stop: boolean },
  invocation: Invocation,
): Promise<string | undefined> {
  if (stop) return await stopped(server);
  const running = await findServer(server);
  if (running !== undefined) {
    throw new Failure("already-running", `cannot serve: it is served already: ${running.announcement}`, {
      hint: `\`./orlop ${server.words.join(" ")} --stop\` ends it`,
    });
  }
  if (detach) return (await detached(server, invocation.signal)).announcement;
  await using _record = deferred(async () => {
    await rm(filesOf(server).record, { force: true });
  });
  await server.serve(async (announcement) => {
    await announce(server, announcement);
    invocation.write(`${announcement}; Ctrl-C ends it\n`);
  }, invocation.signal);
  return undefined;
}

async function detached(server: ServerVerb, signal: AbortSignal): Promise<ServerRecord> {
  const { directory, log } = filesOf(server);
  await mkdir(directory, { recursive: true });
  await using output = await open(log, "w");
  const child = start([join(repository, "orlop"), ...server.words], {
    stdout: output.fd,
    stderr: output.fd,
    session: "outlives us",
  });
  using bar = progress(`starting ${server.words.join(" ")}`);
  try {
    for (;;) {
      const running = await findServer(server);
      if (running?.process.pid === child.pid) return running;
      const lines = (await readFile(log, "utf8")).trim().split("\n");
      if (child.hasEnded) {
        throw new Failure(
          "cannot-serve",
          `cannot serve: it ended with ${await child.exited}: ${lines.slice(-5).join("\n")}`,
        );
      }
      bar.detail(lines.at(-1) ?? "");
      await machineClock.sleep(pollMs, signal);
    }
  } catch (error) {
    throw await afterFailure(error, async () => {
      await child.end();
    });
  }
}

async function stopped(server: ServerVerb): Promise<string> {
  const running = await findServer(server);
  if (running === undefined) {
    throw new Failure("no-such-server", "cannot stop it: it is not served", {
      hint: `\`./orlop ${server.words.join(" ")} --detach\` serves it`,
    });
  }
  const inTime = AbortSignal.timeout(stopMs);
  process.kill(running.process.pid, "SIGTERM");
  try {
    await untilGone(running.process, inTime);
  } catch (error) {
    if (!inTime.aborted) throw error;
    await kill(running.process);
  }
  return "it has ended";
}

async function announce(server: ServerVerb, announcement: string): Promise<void> {
  const { directory, record: path } = filesOf(server);
  const own = await identify(process.pid);
  if (own === undefined) throw new Error("bug: this process does not exist");
  await mkdir(directory, { recursive: true });
  await writeFileAtomic(path, JSON.stringify({ process: own, announcement } satisfies ServerRecord));
}

async function findServer(server: ServerVerb): Promise<ServerRecord | undefined> {
  const text = await readTextIfPresent(filesOf(server).record);
  if (text === undefined) return undefined;
  const found = record.parse(parseJson(text));
  return (await isAlive(found.process)) ? found : undefined;
}

function filesOf({ name }: ServerVerb) {
  const directory = join(buildDirectory, "servers");
  return { directory, record: join(directory, `${name}.json`), log: join(directory, `${name}.log`) } as const;
}
