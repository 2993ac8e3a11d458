/** An update repository whose answers can be held back, so that a host's look for updates lasts as long as a test needs. */
import { utimes } from "node:fs/promises";
import { shippedRootPath } from "../../../host/update/fetch/trusted-repository.ts";
import type { RunningHost } from "../../worlds/host/running-host.ts";
import { testRepository } from "../../worlds/update/update-repository.ts";

export type HeldMirror = AsyncDisposable & {
  /** From now on nothing is answered. */
  hold(): void;
  /** What was held back is answered, and all that comes. */
  release(): void;
  /** Resolves when the host has asked for something that is held back. */
  asked(): Promise<void>;
};

/** Points the host's settings to it. It holds from the start. */
export async function heldMirror({ machine, api }: RunningHost): Promise<HeldMirror> {
  const repository = await testRepository();
  await repository.publish("0.1.0");
  let open = Promise.withResolvers<undefined>();
  let asked = Promise.withResolvers<undefined>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch({ url }) {
      asked.resolve(undefined);
      await open.promise;
      const { pathname, search } = new URL(url);
      return await fetch(new URL(`${pathname}${search}`, repository.url));
    },
  });
  const release = (): void => open.resolve(undefined);
  // An image that was built before the test's clock stands.
  const builtAt = new Date("2025-12-01T00:00:00Z");
  await utimes(`${machine.system.root}/usr/lib/os-release`, builtAt, builtAt);
  await machine.write(shippedRootPath, repository.rootJson);
  const updates = {
    "metadata-base-url": new URL(repository.mirror.metadata.pathname, server.url).href,
    "targets-base-url": new URL(repository.mirror.targets.pathname, server.url).href,
  };
  await api.call("patchSettings", { query: { tx: "mirror" }, body: { updates } });
  await api.call("commit", { query: { tx: "mirror" } });
  return {
    hold() {
      open = Promise.withResolvers();
      asked = Promise.withResolvers();
    },
    release,
    asked: () => asked.promise,
    async [Symbol.asyncDispose]() {
      release();
      await server.stop(true);
      await repository[Symbol.asyncDispose]();
    },
  };
}
