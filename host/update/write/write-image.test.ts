/** Protects: only what was signed, whole and read back stays on the inactive set; everything else is told and useless. */
import { expect, test } from "bun:test";
import { mkdir, mkdtemp, open, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { testImage, type TestImage } from "../../../test/worlds/update/update-image.ts";
import { testRepository, type Artefacts, type TestRepository } from "../../../test/worlds/update/update-repository.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import { refreshTrust, shippedRootPath } from "../fetch/trusted-repository.ts";
import { waysOf } from "../fetch/ways.ts";
import { writeImage, type WriteProgress } from "./write-image.ts";
import { writeSize } from "./write-stream.ts";

const never = new AbortController().signal;
const rootBytes = 2 * 1024 * 1024;
const hashBytes = 256 * 1024;

type World = AsyncDisposable & {
  repository: TestRepository;
  host: TestSystem;
  path(name: string): string;
  write(signal?: AbortSignal): Promise<WriteProgress[]>;
};

async function makeWorld(artefacts: Artefacts): Promise<World> {
  const repository = await testRepository();
  const host = await testSystem({ startsAt: new Date() });
  const directory = await mkdtemp(join(tmpdir(), "orlop-write-"));
  const path = (name: string): string => join(directory, name);
  await mkdir(path("EFI"));
  for (const [name, bytes] of [
    ["root", rootBytes],
    ["hash", hashBytes],
  ] as const) {
    await writeFile(path(name), Buffer.alloc(10_000, 7)); // what was there before
    await truncate(path(name), bytes);
  }
  await writeFile(path("EFI/b.efi"), "old kernel");
  await host.write(shippedRootPath, repository.rootJson);
  await repository.publish("1.1.0", { artefacts });
  return {
    repository,
    host,
    path,
    async write(signal = never) {
      const trusted = await refreshTrust(host.system, repository.mirror, new Date(0), never);
      const target = (part: string) => {
        const signed = trusted.target(`1.1.0-${part}.zst`) ?? trusted.target(`1.1.0-${part}.efi`);
        if (signed === undefined) throw new Error(`no target for ${part}`);
        return signed;
      };
      const reports: WriteProgress[] = [];
      await writeImage(
        host.system,
        {
          mirror: repository.mirror,
          ways: waysOf({}, { boot: target("boot"), root: target("root"), hash: target("hash") }, trusted, undefined),
          running: undefined,
          root: { path: path("root"), bytes: rootBytes },
          hash: { path: path("hash"), bytes: hashBytes },
          kernel: path("EFI/b.efi"),
          size: writeSize,
        },
        (progress) => reports.push(progress),
        signal,
      );
      return reports;
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true });
      await host[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
    },
  };
}

const compressed = ({ root, hash, kernel }: Pick<TestImage, "root" | "hash" | "kernel">): Artefacts => ({
  root: zstdCompressSync(root),
  hash: zstdCompressSync(hash),
  boot: zstdCompressSync(kernel),
});

test("a good update is on the partitions byte for byte, and progress reaches its end", async () => {
  const image = testImage(300);
  await using world = await makeWorld(compressed(image));
  const reports = await world.write();
  expect((await readFile(world.path("root"))).subarray(0, image.root.length).equals(image.root)).toBe(true);
  expect((await readFile(world.path("hash"))).subarray(0, image.hash.length).equals(image.hash)).toBe(true);
  expect((await readFile(world.path("EFI/b.efi"))).equals(image.kernel)).toBe(true);
  expect(await readdir(world.path("EFI"))).toEqual(["b.efi"]);
  for (const step of ["download", "verify"] as const) {
    const last = reports.findLast((each) => each.step === step);
    expect(last?.doneBytes).toBe(last?.totalBytes ?? Number.NaN);
    expect(last?.totalBytes).toBeGreaterThan(0);
  }
});

test("a root that does not belong to the signed kernel is refused, though every file is signed", async () => {
  const image = testImage(300);
  await using world = await makeWorld(compressed({ ...image, root: testImage(300, 5).root }));
  await expect(world.write()).rejects.toMatchObject({ code: "image-not-verified" });
});

test("an update that is larger than its partition is refused, however small it looks compressed", async () => {
  const image = testImage(300);
  await using world = await makeWorld(compressed({ ...image, root: Buffer.alloc(rootBytes + 4096) }));
  await expect(world.write()).rejects.toMatchObject({ code: "too-large" });
});

test("bytes that changed on the mirror leave a partition that no UUID leads to", async () => {
  const image = testImage(300);
  for (const part of ["root", "hash", "boot"]) {
    await using world = await makeWorld(compressed(image));
    const targets = join(world.repository.directory, "targets");
    const name = (await readdir(targets)).find((each) => each.endsWith(`${part}.zst`));
    const file = await open(join(targets, name ?? ""), "r+");
    await file.write(Buffer.from([0xff]), 0, 1, 60);
    await file.close();
    await expect(world.write()).rejects.toBeInstanceOf(Error);
    for (const partition of ["root", "hash"]) {
      const start = (await readFile(world.path(partition))).subarray(0, 4096);
      expect([part, partition, start.equals(Buffer.alloc(4096))]).toEqual([part, partition, true]);
    }
  }
});

test("what is no zstd archive is told by its name", async () => {
  const image = testImage(300);
  await using world = await makeWorld({ ...compressed(image), root: Buffer.from("no archive at all") });
  await expect(world.write()).rejects.toMatchObject({
    code: "bad-archive",
    message: expect.stringContaining("1.1.0-root"),
  });
});

test("an abort ends the writing", async () => {
  await using world = await makeWorld(compressed(testImage(300)));
  await expect(world.write(AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
});
