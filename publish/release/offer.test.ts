/** Protects: what modules are built with is offered beside the version that it is for, and goes with it. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { currentTree } from "../../repo/repository.ts";
import { prune, publish } from "../../repo/publish.ts";
import { moduleKitName } from "../../repo/module-kit-name.ts";
import { makeBuild } from "../../test/worlds/publish/build.ts";
import { testMachines, testRepository } from "../../test/worlds/update/update-repository.ts";
import { offerOf } from "./offer.ts";

test("a build's module kit is a target of the repository, stays while later ones come, and goes with its version", async () => {
  const directory = await mkdtemp(join(tmpdir(), "offer-"));
  const repository = await testRepository();
  try {
    const { variant } = testMachines;
    const disk = join(directory, "disk");
    await writeFile(disk, "a disk");
    const made = join(directory, "build");
    await mkdir(made);
    const build = await makeBuild(made, { variant, commit: "00000001", image: disk, moduleKit: true });
    const signing = repository.signing();
    await publish(await repository.open(), await offerOf(build), { waves: [] }, signing);
    const kit = moduleKitName(testMachines, build.manifest.version);
    const sha256 = async (): Promise<string | undefined> => {
      const tree = await currentTree(await repository.open(), testMachines);
      return tree?.targets.signed.targets[kit]?.hashes["sha256"];
    };
    expect(await sha256()).toBe(build.manifest.moduleKit?.sha256 ?? "");
    await repository.publish("9.0.0");
    expect(await sha256()).toBe(build.manifest.moduleKit?.sha256 ?? "");
    await prune(await repository.open(), testMachines, 1, signing);
    expect(await sha256()).toBeUndefined();
  } finally {
    await repository[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  }
});
