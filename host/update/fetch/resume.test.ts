/** Protects: what an interrupted download has left on the disk is neither fetched again nor believed. */
import { expect, test } from "bun:test";
import { randomFillSync } from "node:crypto";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seekTableBytes } from "../../../lib/zstd/seekable-zstd.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import { firstByte, storageThatStops, treated, type Treatment } from "../../../test/worlds/update/troubled-download.ts";
import { imageOf, testFrameBytes, testImage, type TestImage } from "../../../test/worlds/update/update-image.ts";
import { testRepository, type Artefacts, type TestRepository } from "../../../test/worlds/update/update-repository.ts";
import { waysOf } from "./ways.ts";
import { refreshTrust, shippedRootPath } from "./trusted-repository.ts";
import { writeImage } from "../write/write-image.ts";

const never = new AbortController().signal;
/** What cannot be compressed, so that shares of the archive are shares of the content. */
const image = imageOf(randomFillSync(Buffer.alloc(300 * 4096)));
const partitionBytes = { root: 2 * 1024 * 1024, hash: 256 * 1024 } as const;

type Part = keyof Artefacts;
type World = AsyncDisposable & {
  repository: TestRepository;
  host: TestSystem;
  path(name: string): string;
  /** From which byte on each part was asked for, since the last call of `write` began. */
  requests: Record<Part, number[]>;
  /** How the mirror treats the bytes of the root, and whether it knows ranges. */
  mirror: { root?: Treatment; whole?: boolean };
  /** Writes the update; it ends when so much of the root is on its partition. */
  write(share?: number): Promise<void>;
};

async function makeWorld(artefacts: Artefacts = image.artefacts): Promise<World> {
  const repository = await testRepository();
  const directory = await mkdtemp(join(tmpdir(), "orlop-resume-"));
  const requests: World["requests"] = { boot: [], root: [], hash: [] };
  const mirror: World["mirror"] = {};
  let endAt = Number.POSITIVE_INFINITY;
  const host = await testSystem({
    startsAt: new Date(),
    async fetch(url, init) {
      const part = (["boot", "root", "hash"] as const).find((each) => url.pathname.includes(`1.1.0-${each}.`));
      const headers = new Headers(init.headers);
      if (mirror.whole === true) headers.delete("range");
      const response = await fetch(url, { ...init, headers });
      if (part === undefined) return response;
      const from = firstByte(headers);
      requests[part].push(from);
      return part === "root" && mirror.root !== undefined ? treated(response, from, mirror.root) : response;
    },
    storage: storageThatStops(join(directory, "root"), () => endAt),
  });
  const path = (name: string): string => join(directory, name);
  await writeFile(path("root"), Buffer.alloc(partitionBytes.root, 7));
  await writeFile(path("hash"), Buffer.alloc(partitionBytes.hash, 7));
  await host.write(shippedRootPath, repository.rootJson);
  await repository.publish("1.1.0", { artefacts });
  return {
    repository,
    host,
    path,
    requests,
    mirror,
    async write(share = Number.POSITIVE_INFINITY) {
      const trusted = await refreshTrust(host.system, repository.mirror, new Date(0), never);
      const target = (part: Part) => {
        const signed = trusted.target(`1.1.0-${part}.${part === "boot" ? "efi" : "zst"}`);
        if (signed === undefined) throw new Error(`no target for ${part}`);
        return signed;
      };
      Object.assign(requests, { boot: [], root: [], hash: [] });
      endAt = image.root.length * share;
      await writeImage(
        host.system,
        {
          mirror: repository.mirror,
          ways: waysOf({}, { boot: target("boot"), root: target("root"), hash: target("hash") }, trusted, undefined),
          running: undefined,
          root: { path: path("root"), bytes: partitionBytes.root },
          hash: { path: path("hash"), bytes: partitionBytes.hash },
          kernel: path("b.efi"),
          size: { pieceBytes: 8192, syncBytes: 65_536 },
        },
        () => undefined,
        never,
      );
    },
    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true });
      await host[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
    },
  };
}

async function isWritten(world: World, { root, hash, kernel }: TestImage): Promise<boolean[]> {
  const [onRoot, onHash, onEsp] = [world.path("root"), world.path("hash"), world.path("b.efi")].map((path) =>
    readFile(path),
  );
  return [
    (await onRoot)?.subarray(0, root.length).equals(root) === true,
    (await onHash)?.subarray(0, hash.length).equals(hash) === true,
    (await onEsp)?.equals(kernel) === true,
  ];
}

/** Another byte whatever the content, which is random. */
async function flipBit(path: string, at: number): Promise<void> {
  await using file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
}

const all = [true, true, true];
const rootBytes = image.artefacts.root.length;
const tableBytes = seekTableBytes(image.root.length / testFrameBytes);

test("a download that broke off goes on where it was, and takes no kernel twice", async () => {
  await using world = await makeWorld();
  await expect(world.write(0.7)).rejects.toThrow("stopping");
  expect(world.requests).toEqual({ boot: [0], hash: [0], root: [0] });
  await world.write();
  expect(await isWritten(world, image)).toEqual(all);
  expect(world.requests).toEqual({ boot: [], hash: [0], root: [expect.any(Number), 0, expect.any(Number)] });
  const [, , rest = 0] = world.requests.root;
  expect(rest).toBeGreaterThan(rootBytes * 0.6);
  expect(rest).toBeLessThan(rootBytes * 0.75);
});

test("what is whole already is only proved", async () => {
  await using world = await makeWorld();
  await world.write();
  await world.write();
  expect(await isWritten(world, image)).toEqual(all);
  expect(world.requests.boot).toEqual([]);
  expect(world.requests.root.slice(1)).toEqual([0, rootBytes - tableBytes]);
});

test("a bit that changed meanwhile is found, and the download goes on from there", async () => {
  await using world = await makeWorld();
  await expect(world.write(0.9)).rejects.toThrow("stopping");
  for (const name of ["root", "b.efi"]) {
    await flipBit(world.path(name), name === "root" ? 400_001 : 9_000);
  }
  await world.write();
  expect(await isWritten(world, image)).toEqual(all);
  expect(world.requests.boot).toEqual([0]);
  const [, , rest = 0] = world.requests.root;
  expect(rest).toBeGreaterThan(rootBytes * 0.3);
  expect(rest).toBeLessThan((rootBytes * 400_001) / image.root.length);
});

test("a mirror without ranges sends everything again", async () => {
  await using world = await makeWorld();
  await expect(world.write(0.7)).rejects.toThrow("stopping");
  world.mirror.whole = true;
  await world.write();
  expect(await isWritten(world, image)).toEqual(all);
  expect(world.requests.root.at(-1)).toBe(0);
});

test("a root without a table of frames, or with one that does not add up, comes again as a whole", async () => {
  const { artefacts } = image;
  for (const root of [Bun.zstdCompressSync(image.root), Buffer.concat([artefacts.root, testImage(8).artefacts.root])]) {
    await using world = await makeWorld({ ...artefacts, root });
    await expect(world.write(0.7)).rejects.toThrow("stopping");
    await world.write();
    expect(await isWritten(world, image)).toEqual(all);
    expect(world.requests.root.at(-1)).toBe(0);
  }
});

test("a mirror that lies about the rest, or about where it begins, is found out; an honest one then ends it", async () => {
  const tableAt = rootBytes - tableBytes;
  const lies: NonNullable<World["mirror"]["root"]>[] = [
    (bytes, from) => (from > rootBytes / 2 ? Buffer.alloc(bytes.length, 0x55) : bytes),
    (bytes, from) => {
      // The first frame looks longer by a byte than it is, a late one shorter.
      const changed = Buffer.from(bytes);
      const add = (at: number, by: number): void => {
        if (at >= from && at < from + bytes.length) changed[at - from] = (changed[at - from] ?? 0) + by;
      };
      add(tableAt + 8, 1);
      add(tableAt + 8 + 140 * 8, -1);
      return changed;
    },
  ];
  for (const lie of lies) {
    await using world = await makeWorld();
    await expect(world.write(0.7)).rejects.toThrow("stopping");
    world.mirror.root = lie;
    await expect(world.write()).rejects.toBeInstanceOf(Error);
    delete world.mirror.root;
    await world.write();
    expect(await isWritten(world, image)).toEqual(all);
  }
});
