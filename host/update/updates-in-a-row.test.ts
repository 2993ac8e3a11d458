/**
 * Protects: a host that goes from update to update follows the keys of its repository, and nobody leads it back by keys
 * that were taken out of service or by a version that was recalled.
 */
import { expect, test } from "bun:test";
import { cp, rename, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { recall } from "../../repo/manifest.ts";
import { changeManifest, publish } from "../../repo/publish.ts";
import { newestRoot, openRepository } from "../../repo/repository.ts";
import { rotateRoot } from "../../repo/root-chain.ts";
import { withKey, withoutKey } from "../../repo/roles/root-role.ts";
import type { Signer } from "../../repo/roles/signer.ts";
import { serialise } from "../../repo/tree.ts";
import { modelFor } from "../../settings/model/model.ts";
import { writePartitionSets } from "../../test/worlds/update/partition-sets.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { testImage } from "../../test/worlds/update/update-image.ts";
import {
  newSigner,
  testMachines,
  testRepository,
  type TestRepository,
} from "../../test/worlds/update/update-repository.ts";
import { variantNamed } from "../../variants/all.ts";
import { otherSet, type SetName } from "./boot/boot-entry.ts";
import { requireSets } from "./boot/sets.ts";
import { shippedRootPath } from "./fetch/trusted-repository.ts";
import { Updater } from "./updater.ts";

const model = modelFor(variantNamed("dev"));
const versions = ["1.1.0", "1.2.0", "1.3.0"] as const;

/** A machine that reboots: what is on its disk stays, its image brings a root role of its own. */
class Machine implements AsyncDisposable {
  readonly repository: TestRepository;
  readonly host: TestSystem;
  #set: SetName = "a";
  running = "1.0.0";
  #updater: Updater | undefined;

  private constructor(repository: TestRepository, host: TestSystem) {
    this.repository = repository;
    this.host = host;
  }

  static async install(): Promise<Machine> {
    const repository = await testRepository();
    const host = await testSystem({ startsAt: new Date() });
    await writePartitionSets(host, "a", "1.0.0");
    await host.write("/usr/lib/os-release", "ID=orlop\n");
    await utimes(join(host.system.root, "usr/lib/os-release"), 0, 0);
    const machine = new Machine(repository, host);
    await machine.#boot(repository.rootJson);
    return machine;
  }

  /** The repository as its publisher keeps it, with the keys of now. */
  async publish(version: string, signer = this.repository.publicationSigner): Promise<void> {
    const { artefacts } = testImage(40, versions.findIndex((each) => each === version) + 1);
    const signing = { ...this.repository.signing(), signers: [signer] };
    await this.repository.publish(version, { artefacts, signing });
  }

  /** @returns what went wrong, or an empty text */
  async look(): Promise<string> {
    return await this.#run("refresh");
  }

  async chosen(): Promise<string | undefined> {
    return (await this.#opened().status()).chosen_update?.version;
  }

  /** Takes what is chosen, starts it, and finds it healthy. */
  async install(shippedRoot: string): Promise<void> {
    const version = (await this.chosen()) ?? "nothing";
    expect([await this.#run("prepare"), await this.#run("activate")]).toEqual(["", ""]);
    const entries = join(this.host.system.root, "efi/loader/entries");
    this.#set = otherSet(this.#set);
    await rename(join(entries, `orlop-${this.#set}+1.conf`), join(entries, `orlop-${this.#set}+0-1.conf`));
    this.running = version;
    await this.#boot(shippedRoot);
    await (await requireSets(this.host.system)).signpost.markSuccessfulBoot();
  }

  /** As a person wants it. */
  async rollBack(version: string, shippedRoot: string): Promise<void> {
    await (await requireSets(this.host.system)).signpost.rollbackToInactive();
    this.#set = otherSet(this.#set);
    this.running = version;
    await this.#boot(shippedRoot);
  }

  async #boot(shippedRoot: string): Promise<void> {
    await this.#updater?.[Symbol.asyncDispose]();
    const { root } = this.host.system;
    const slaves = join(root, "sys/devices/virtual/block/dm-0/slaves");
    await rm(slaves, { recursive: true });
    for (const partition of this.#set === "a" ? ["vda2", "vda3"] : ["vda4", "vda5"]) {
      const device = join(root, "sys/devices/pci0000:00/virtio1/block/vda", partition);
      await Bun.write(join(slaves, ".keep"), "");
      await symlink(device, join(slaves, partition));
    }
    await rm(join(slaves, ".keep"));
    await this.host.write(shippedRootPath, shippedRoot);
    const updates = {
      "metadata-base-url": this.repository.mirror.metadata.href,
      "targets-base-url": this.repository.mirror.targets.href,
      seed: 5,
    };
    this.#updater = await Updater.open({
      system: this.host.system,
      running: { ...testMachines, version: this.running },
      settings: () => model.complete({ updates }),
      values: () => new Map(),
      ailments: async () => [],
    });
  }

  async #run(command: "refresh" | "prepare" | "activate"): Promise<string> {
    const updater = this.#opened();
    await updater.start(command);
    await updater.settled();
    return (await updater.status()).most_recent_command.stderr ?? "";
  }

  #opened(): Updater {
    if (this.#updater === undefined) throw new Error("the machine is off");
    return this.#updater;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#updater?.[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
    await this.repository[Symbol.asyncDispose]();
  }
}

/** Every key is another one. @returns the root role that images bring from now on */
async function rotate({ repository }: Machine, next: { root: Signer; publication: Signer }): Promise<string> {
  const { rootSigner, publicationSigner } = repository;
  const online = ["targets", "snapshot", "timestamp"] as const;
  const rotated = await rotateRoot(
    await repository.open(),
    (content) => {
      const rooted = withoutKey(withKey(content, ["root"], next.root.key), ["root"], rootSigner.key.keyID);
      return withoutKey(withKey(rooted, online, next.publication.key), online, publicationSigner.key.keyID);
    },
    [rootSigner, next.root],
    { ...repository.signing(), signers: [next.publication] },
  );
  return serialise(newestRoot(rotated));
}

test("every key changes between two updates: the host follows, and whoever has the old ones leads it nowhere", async () => {
  await using machine = await Machine.install();
  const { repository } = machine;
  const { rootJson: firstRoot, publicationSigner: stolen } = repository;
  await machine.publish("1.1.0");
  expect(await machine.look()).toBe("");
  await machine.install(firstRoot);
  expect(machine.running).toBe("1.1.0");

  const stolenTree = `${repository.directory}-stolen`;
  await cp(repository.directory, stolenTree, { recursive: true });
  const next = { root: newSigner(), publication: newSigner() };
  const secondRoot = await rotate(machine, next);
  await machine.publish("1.2.0", next.publication);
  expect(await machine.look()).toBe("");
  expect(await machine.chosen()).toBe("1.2.0");
  await machine.install(secondRoot);
  expect(machine.running).toBe("1.2.0");

  // The repository of before the rotation, with a newer version and higher numbers than anything the host has seen.
  for (const version of ["1.3.0", "1.3.1", "1.3.2", "1.3.3", "1.3.4"]) {
    const [boot, root, hash] = ["boot", "root", "hash"].map((part) => `${version}-${part}.zst`);
    const source = async (name = ""): Promise<{ name: string; path: string }> => {
      await Bun.write(join(stolenTree, "..", name), name);
      return { name, path: join(stolenTree, "..", name) };
    };
    const release = { boot: await source(boot), root: await source(root), hash: await source(hash) };
    const signing = { ...repository.signing(), signers: [stolen] };
    await publish(
      await openRepository(stolenTree),
      { ...testMachines, version, ...release, migrations: [] },
      { waves: [] },
      signing,
    );
  }
  const honest = `${repository.directory}-honest`;
  await rename(repository.directory, honest);
  await rename(stolenTree, repository.directory);
  expect(await machine.look()).toContain("its timestamp metadata carries 0 of 1 signatures it needs");
  expect(await machine.chosen()).toBeUndefined();

  // The older image of a rollback brings the first root; what the host has learnt since is kept on its disk.
  await machine.rollBack("1.1.0", firstRoot);
  expect(await machine.look()).toContain("its timestamp metadata carries 0 of 1 signatures it needs");

  await rm(repository.directory, { recursive: true });
  await rename(honest, repository.directory);
  expect(await machine.look()).toBe("");
  expect(await machine.chosen()).toBe("1.2.0");
});

test("a host that runs a version which is recalled steps down to the newest that is left", async () => {
  await using machine = await Machine.install();
  const { repository } = machine;
  for (const version of ["1.1.0", "1.2.0"] as const) {
    await machine.publish(version);
    expect(await machine.look()).toBe("");
    await machine.install(repository.rootJson);
  }
  expect(machine.running).toBe("1.2.0");
  expect([await machine.look(), await machine.chosen()]).toEqual(["", undefined]);
  await changeManifest(await repository.open(), testMachines, repository.signing(), (manifest) =>
    recall(manifest, testMachines, "1.2.0"),
  );
  expect([await machine.look(), await machine.chosen()]).toEqual(["", "1.1.0"]);
  await machine.install(repository.rootJson);
  expect(machine.running).toBe("1.1.0");
  expect([await machine.look(), await machine.chosen()]).toEqual(["", undefined]);
});
