/** A host to be updated, before a repository behind a line that lets through what a test lets it, and one that is on trial. */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { entryName, entryText } from "../../../host/update/boot/boot-entry.ts";
import { shippedRootPath } from "../../../host/update/fetch/trusted-repository.ts";
import { writeFindings } from "../../../host/update/judge/trial-findings.ts";
import { runningHost, type RunningHost } from "../host/running-host.ts";
import { writePartitionSets } from "../update/partition-sets.ts";
import { imageOf } from "../update/update-image.ts";
import { testRepository } from "../update/update-repository.ts";

export type HostToUpdate = AsyncDisposable & {
  host: RunningHost;
  /** Lets a piece of the download through, a second after the last one. @throws when nobody waits for one */
  letThrough: () => Promise<void>;
};

const rootBytes = 1024 ** 2;
const pieceBytes = 16 * 1024;

/** Runs 0.1.0, and may have 0.2.0. */
export async function updatingHost(): Promise<HostToUpdate> {
  await using opened = new AsyncDisposableStack();
  const host = opened.use(await runningHost());
  const { machine, api } = host;
  machine.stepClock(Date.now() - machine.system.clock.now().getTime());
  await writePartitionSets(machine, "a", "0.1.0");
  const repository = opened.use(await testRepository());
  await repository.publish("0.2.0", { artefacts: imageOf(randomBytes(rootBytes)).artefacts });
  await machine.write(shippedRootPath, repository.rootJson);
  await host.restart();
  const line = opened.use(narrowLine(repository.mirror.targets));
  const updates = { "metadata-base-url": `${repository.mirror.metadata.href}/`, "targets-base-url": line.url.href };
  await api.call("changeSettings", { query: { wait: true }, body: { set: { updates } } });
  const move = opened.move();
  return {
    host,
    async letThrough() {
      const next = line.waiting.shift();
      if (next === undefined) throw new Error("nobody waits for a piece");
      await machine.advance(1_000);
      next();
    },
    [Symbol.asyncDispose]: async () => await move.disposeAsync(),
  };
}

/** Forwards what is asked for; each piece of the root's image waits. */
function narrowLine(target: URL): Disposable & { url: URL; waiting: (() => void)[] } {
  const waiting: (() => void)[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const answer = await fetch(new URL(`${target.href}${new URL(request.url).pathname}`), {
        headers: request.headers,
      });
      const bytes = await answer.bytes();
      const { status, headers } = answer;
      if (bytes.length < rootBytes) return new Response(bytes, { status, headers });
      let at = 0;
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          await new Promise<void>((resolve) => waiting.push(resolve));
          controller.enqueue(bytes.subarray(at, (at += pieceBytes)));
          if (at >= bytes.length) controller.close();
        },
      });
      return new Response(body, { status, headers });
    },
  });
  return { url: server.url, waiting, [Symbol.dispose]: () => void server.stop(true) };
}

/** Has booted 0.1.0 for the first time; a probe of its owner does not answer yet. */
export async function hostOnTrial(): Promise<RunningHost> {
  const host = await runningHost();
  const { machine } = host;
  await writePartitionSets(machine, "b", "0.1.0");
  const proved = { set: "b", standing: { kind: "successful" } } as const;
  const tried = { set: "b", priority: 2, standing: { kind: "trying", left: 0, done: 1 }, version: "0.1.0" } as const;
  await rm(join(machine.system.root, "efi/loader/entries", entryName(proved)));
  await machine.write(`/efi/loader/entries/${entryName(tried)}`, entryText(tried));
  const missing = ["http://127.0.0.1:8080/healthz answers with status 503"];
  await writeFindings(machine.system, { missing, deadlineMs: machine.system.clock.elapsedMs() + 90_000 });
  await host.restart();
  return host;
}
