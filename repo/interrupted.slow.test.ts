/** Protects: whatever a publisher was doing when it was killed, hosts have a repository, and it can be done again. */
import { expect, test } from "bun:test";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realFiles, type Files } from "../lib/files.ts";
import { publisher, type Publisher } from "../test/publisher.ts";
import { newSigner, testMachines as machines } from "../test/update-repository.ts";
import { recall } from "./manifest.ts";
import { changeManifest, openRepository, publish, refresh, rotateRoot, type Repository } from "./repository.ts";
import { withKey } from "./root-role.ts";

/** Files of a process that is killed during the operation after so many others: nothing happens any more. */
function killedAfter(operations: number): { files: Files; isDead: () => boolean } {
  let done = 0;
  let isDead = false;
  const unlessKilled = async <T>(act: () => Promise<T>): Promise<T> => {
    isDead ||= done >= operations;
    if (isDead) throw new Error("killed");
    done++;
    return await act();
  };
  const files: Files = {
    ...realFiles,
    makeDirectory: async (path) => await unlessKilled(async () => await realFiles.makeDirectory(path)),
    rename: async (from, to) => await unlessKilled(async () => await realFiles.rename(from, to)),
    remove: async (path) => await unlessKilled(async () => await realFiles.remove(path)),
    syncDirectory: async (path) => await unlessKilled(async () => await realFiles.syncDirectory(path)),
    async create(path, mode) {
      const file = await unlessKilled(async () => await realFiles.create(path, mode));
      return {
        async write(data) {
          const bytes = Buffer.from(data);
          const part = done >= operations ? bytes.subarray(0, bytes.length / 2) : bytes;
          await file.write(part); // a write that is cut short
          await unlessKilled(async () => undefined);
        },
        sync: async () => await unlessKilled(async () => await file.sync()),
        [Symbol.asyncDispose]: async () => await file[Symbol.asyncDispose](),
      };
    },
  };
  return { files, isDead: () => isDead };
}

type Change = (repository: Repository, here: Publisher) => Promise<unknown>;
const changes: Record<string, Change> = {
  publish: async (repository, here) =>
    await publish(repository, await here.release("1.1.0"), { waves: [] }, here.signing),
  refresh: async (repository, here) => await refresh(repository, here.signing),
  recall: async (repository, here) =>
    await changeManifest(repository, machines, here.signing, (manifest) => recall(manifest, machines, "1.0.0")),
  "root rotation": async (repository, here) => {
    const fresh = newSigner();
    return await rotateRoot(
      repository,
      (content) => withKey(content, ["root"], fresh.key),
      here.rootSigners,
      here.signing,
    );
  },
};

test.each(Object.keys(changes))(
  "a %s that is killed at any of its operations leaves the repository as it was or as it shall be, and can be made again",
  async (name) => {
    const change = changes[name];
    if (change === undefined) throw new Error(name);
    await using here = await publisher();
    await publish(here.repository, await here.release("0.9.0"), { waves: [] }, here.signing);
    await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
    const whole = await mkdtemp(join(tmpdir(), "orlop-whole-"));
    await cp(here.directory, whole, { recursive: true });
    const stateOf = async (): Promise<unknown> => {
      const { roles } = await here.validate();
      return roles.map(({ role, version }) => `${role} ${version}`);
    };
    const before = await stateOf();
    const killed = async (operations: number): Promise<boolean> => {
      await rm(here.directory, { recursive: true });
      await cp(whole, here.directory, { recursive: true });
      const { files, isDead } = killedAfter(operations);
      try {
        await change({ ...(await openRepository(here.directory)), files }, here);
        return false;
      } catch (error) {
        if (!isDead()) throw error;
        return true;
      }
    };
    const left: unknown[] = [];
    let operations = 0;
    for (; await killed(operations); operations++) left.push(await stateOf());
    const after = await stateOf();
    expect(operations).toBeGreaterThan(10);
    // A rotation has as many steps as there are trees, and old hosts follow the root before the rest.
    if (name !== "root rotation") for (const state of left) expect([before, after]).toContainEqual(state);
    expect(left).toContainEqual(before);
    // In the middle of it: whoever finds the lock of a process that is gone removes it, and goes on.
    await killed(Math.floor(operations / 2));
    await rm(join(here.directory, ".lock"), { force: true });
    await change(await openRepository(here.directory), here);
    await here.validate();
    await rm(whole, { recursive: true });
  },
  120_000,
);
