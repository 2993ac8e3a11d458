/** moto: a server that plays AWS, with accounts, regions and the calls of many services. */
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTextIfPresent } from "../../../lib/files/files.ts";
import { deadline, machineClock } from "../../../lib/clock.ts";
import { type RunningProgram, start } from "../../../lib/program/program.ts";
import { pythonPackages } from "../python/python-packages.ts";

/** It loads half of what it has when it starts. */
const startMs = 120_000;
const pollMs = 50;

export type Moto = AsyncDisposable & { readonly url: string };

export async function startMoto(): Promise<Moto> {
  const packages = await pythonPackages(join(import.meta.dir, "requirements.txt"));
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "moto-"));
  stack.defer(async () => await rm(directory, { recursive: true }));
  const path = join(directory, "log");
  const log = stack.use(await open(path, "w"));
  const program = stack.use(
    start(await packages.python(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]), {
      stdout: log.fd,
      stderr: log.fd,
    }),
  );
  const url = await untilItListens(path, program);
  const running = stack.move();
  return { url, [Symbol.asyncDispose]: async () => await running.disposeAsync() };
}

async function untilItListens(log: string, program: RunningProgram): Promise<string> {
  const patience = deadline(machineClock, startMs);
  for (;;) {
    const text = (await readTextIfPresent(log)) ?? "";
    const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(text)?.[1];
    if (url !== undefined) return url;
    if (program.hasEnded || patience.passed) throw new Error(`moto does not listen: ${text}`);
    await machineClock.sleep(pollMs);
  }
}
