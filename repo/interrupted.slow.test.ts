/** Protects: whatever a publisher was doing when it was killed, hosts have a repository, and it can be done again. */
import { expect, test } from "bun:test";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { isTemporary, realFiles, type Files } from "../lib/files/files.ts";
import { publisher, type Publisher } from "../test/worlds/update/publisher.ts";
import { newSigner, testMachines as machines } from "../test/worlds/update/update-repository.ts";
import { recall } from "./manifest.ts";
import { changeManifest, prune, publish, refresh } from "./publish.ts";
import { openRepository, type Repository } from "./repository.ts";
import { rotateRoot } from "./root-chain.ts";
import { withKey } from "./roles/root-role.ts";

type End = "killed" | "out of space";

/**
 * Files of a process that goes well for so many operations. Then it is killed, and nothing happens any more; or the disk
 * is full, and only what takes no space still works.
 */
function goodFor(operations: number, end: End): { files: Files; isOver: () => boolean } {
  let done = 0;
  let isOver = false;
  const unlessOver = async <T>(act: () => Promise<T>): Promise<T> => {
    isOver ||= done >= operations;
    if (isOver && end === "killed") throw new Error("killed");
    if (isOver) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    done++;
    return await act();
  };
  const unlessKilled = end === "killed" ? unlessOver : async <T>(act: () => Promise<T>): Promise<T> => await act();
  const files: Files = {
    ...realFiles,
    makeDirectory: async (path) => await unlessOver(async () => await realFiles.makeDirectory(path)),
    rename: async (from, to) => await unlessOver(async () => await realFiles.rename(from, to)),
    remove: async (path) => await unlessKilled(async () => await realFiles.remove(path)),
    syncDirectory: async (path) => await unlessKilled(async () => await realFiles.syncDirectory(path)),
    async create(path, mode) {
      const file = await unlessOver(async () => await realFiles.create(path, mode));
      return {
        async write(data) {
          const bytes = Buffer.from(data);
          const part = done >= operations ? bytes.subarray(0, bytes.length / 2) : bytes;
          await file.write(part); // a write that is cut short
          await unlessOver(async () => undefined);
        },
        sync: async () => await unlessOver(async () => await file.sync()),
        [Symbol.asyncDispose]: async () => await file[Symbol.asyncDispose](),
      };
    },
  };
  return { files, isOver: () => isOver };
}

type Change = (repository: Repository, here: Publisher) => Promise<unknown>;
const changes: Record<string, Change> = {
  publish: async (repository, here) =>
    await publish(repository, await here.release("1.1.0"), { waves: [] }, here.signing),
  "publish with patches": async (repository, here) =>
    await publish(repository, await here.release("1.1.0"), { waves: [], patchesFrom: 1 }, here.signing),
  prune: async (repository, here) => await prune(repository, machines, 1, here.signing),
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

const interrupted = Object.keys(changes).flatMap((name) =>
  (["killed", "out of space"] as const).map((end) => [name, end] as const),
);

test.each(interrupted)(
  "a %s that is %s at any of its operations leaves the repository as it was or as it shall be, and can be made again",
  async (name, end) => {
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
    const broken = async (operations: number): Promise<boolean> => {
      await rm(here.directory, { recursive: true });
      await cp(whole, here.directory, { recursive: true });
      const { files, isOver } = goodFor(operations, end);
      try {
        await change({ ...(await openRepository(here.directory)), files }, here);
        return false;
      } catch (error) {
        if (!isOver()) throw error;
        return true;
      }
    };
    const left: unknown[] = [];
    let operations = 0;
    for (; await broken(operations); operations++) {
      left.push(await stateOf());
      if (end === "out of space") expect(await halfWritten(here.directory)).toEqual([]);
    }
    const after = await stateOf();
    expect(operations).toBeGreaterThan(10);
    // A rotation has as many steps as there are trees, and old hosts follow the root before the rest.
    if (name !== "root rotation") for (const state of left) expect([before, after]).toContainEqual(state);
    expect(left).toContainEqual(before);
    for (const part of [1 / 4, 1 / 2, 3 / 4]) {
      await broken(Math.floor(operations * part));
      await change(await openRepository(here.directory), here);
      await here.validate();
      expect(await halfWritten(here.directory)).toEqual([]);
    }
    await rm(whole, { recursive: true });
  },
  120_000,
);

async function halfWritten(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  return names.filter((name) => isTemporary(basename(name)) || name === ".lock");
}
