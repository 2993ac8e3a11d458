/** The updater on a made-up host with two sets, before a real repository on loopback. */
import { readdir, rename, utimes } from "node:fs/promises";
import { basename, join } from "node:path";
import type { UpdateStatusBody } from "../../../api/status.ts";
import type { Ailment } from "../../../host/machine/ailment.ts";
import { realStorage, type Storage } from "../../../host/machine/storage.ts";
import type { System } from "../../../host/machine/system.ts";
import { entryName } from "../../../host/update/boot/boot-entry.ts";
import { shippedRootPath } from "../../../host/update/fetch/trusted-repository.ts";
import type { UpdateCommand } from "../../../host/update/state.ts";
import { Updater } from "../../../host/update/updater.ts";
import type { Json, JsonObject } from "../../../lib/text/json.ts";
import type { Settings } from "../../../settings/groups/group.ts";
import { modelFor } from "../../../settings/model/model.ts";
import { variantNamed } from "../../../variants/all.ts";
import { testSystem, type TestSystem } from "../host/system.ts";
import { writePartitionSets } from "./partition-sets.ts";
import { testImage } from "./update-image.ts";
import { testMachines, testRepository, type TestRepository } from "./update-repository.ts";

const model = modelFor(variantNamed("dev"));

export type UpdaterWorld = AsyncDisposable & {
  repository: TestRepository;
  host: TestSystem;
  entries(): Promise<string[]>;
  /** The daemon starts anew, as after a crash or a reboot. */
  start(running?: string): Promise<Updater>;
  settings: JsonObject;
  /** Has settings choose system extensions. */
  choose(...extensions: string[]): void;
  /** What somebody set. */
  values: Map<string, Json>;
  /** Names of files whose disk takes nothing more. */
  failingWrites: Set<string>;
  /** When set, whoever opens a partition waits for it. */
  partitions: { ready?: Promise<void> };
  /** How many answers about metadata were waited for at the same time, at most. */
  lookedAtOnce(): number;
  /** What is wrong with the host. */
  ailments: Ailment[];
  /** The update that is ready uses its only try, and the set that ran before boots again: a daemon starts after it. */
  startAndGoBack(): Promise<void>;
  /** Runs commands one after the other and gives the last status. */
  run(updater: Updater, ...commands: UpdateCommand[]): Promise<UpdateStatusBody>;
};

export async function updaterWorld(...versions: string[]): Promise<UpdaterWorld> {
  const repository = await testRepository();
  const failingWrites = new Set<string>();
  const partitions: UpdaterWorld["partitions"] = {};
  const storage: Storage = {
    ...realStorage,
    async openDevice(path, bytes) {
      await partitions.ready;
      return await realStorage.openDevice(path, bytes);
    },
    async rename(from, to) {
      if (failingWrites.has(basename(to))) throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
      await realStorage.rename(from, to);
    },
  };
  let [looking, lookedAtOnce] = [0, 0];
  const counting: System["fetch"] = async (url, init) => {
    if (!url.pathname.includes("timestamp.json")) return await fetch(url, init);
    lookedAtOnce = Math.max(lookedAtOnce, ++looking);
    try {
      return await fetch(url, init);
    } finally {
      looking--;
    }
  };
  const host = await testSystem({ startsAt: new Date(), storage, fetch: counting });
  await writePartitionSets(host, "a", "1.0.0");
  await host.write(shippedRootPath, repository.rootJson);
  await host.write("/usr/lib/os-release", "ID=orlop\n");
  await utimes(join(host.system.root, "usr/lib/os-release"), 0, 0);
  for (const [index, version] of versions.entries()) {
    await repository.publish(version, { artefacts: testImage(40, index).artefacts });
  }
  const extensions: JsonObject = {};
  const settings: UpdaterWorld["settings"] = {
    "metadata-base-url": repository.mirror.metadata.href,
    "targets-base-url": repository.mirror.targets.href,
    seed: 5,
  };
  const values = new Map<string, Json>();
  const ailments: Ailment[] = [];
  const updaters: Updater[] = [];
  return {
    repository,
    host,
    settings,
    choose(...names) {
      for (const name of names) extensions[name] = { enabled: true };
    },
    values,
    failingWrites,
    partitions,
    ailments,
    lookedAtOnce: () => lookedAtOnce,
    entries: async () => (await readdir(join(host.system.root, "efi/loader/entries"))).toSorted(),
    async start(running = "1.0.0") {
      const complete = (): Settings => model.complete({ updates: settings, extensions });
      const updater = await Updater.open({
        system: host.system,
        running: { ...testMachines, version: running },
        settings: complete,
        values: () => values,
        ailments: async () => ailments,
      });
      updaters.push(updater);
      return updater;
    },
    async run(updater, ...commands) {
      for (const command of commands) {
        await updater.start(command);
        await updater.settled();
      }
      return await updater.status();
    },
    async startAndGoBack() {
      const entries = join(host.system.root, "efi/loader/entries");
      const used = entryName({ set: "b", standing: { kind: "trying", left: 0, done: 1 } });
      await rename(join(entries, "orlop-b+1.conf"), join(entries, used));
    },
    async [Symbol.asyncDispose]() {
      for (const updater of updaters) await updater[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
    },
  };
}
