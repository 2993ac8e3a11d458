/**
 * Protects: a host whose running set is the source of a patch takes that, and whatever is wrong with a patch or with what
 * runs costs the whole file, and nothing else.
 */
import { afterAll, expect, test } from "bun:test";
import { mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parts, type UpdatePart } from "../../../repo/manifest.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import { likelyReleases } from "../../../test/worlds/update/likely-releases.ts";
import { firstByte, storageThatStops, treated, type Treatment } from "../../../test/worlds/update/troubled-download.ts";
import type { TestImage } from "../../../test/worlds/update/update-image.ts";
import { testRepository } from "../../../test/worlds/update/update-repository.ts";
import { refreshTrust, shippedRootPath, type Target } from "../fetch/trusted-repository.ts";
import { planOf, waysOf, type Ways } from "../fetch/ways.ts";
import type { RunningParts } from "../boot/running-set.ts";
import type { Fetched } from "./part-download.ts";
import { writeImage } from "./write-image.ts";

const never = new AbortController().signal;
const partitionBytes = { root: 4 * 1024 * 1024, hash: 256 * 1024 } as const;
const frameBytes = 64 * 1024;
const [older, newer] = likelyReleases(0, 2) as [TestImage, TestImage];

const repository = await testRepository();
const directory = await mkdtemp(join(tmpdir(), "orlop-patched-"));
const path = (name: string): string => join(directory, name);
afterAll(async () => {
  await repository[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});
for (const [version, { artefacts, rootHash }] of [
  ["1.0.0", older],
  ["1.1.0", newer],
] as const) {
  await repository.publish(version, { artefacts, rootHash, patchesFrom: 1, frameBytes });
}

type Writing = { treatment?: (name: string) => Treatment | undefined; endAt?: number; missing?: string };
let writing: Writing = {};
let requests: { name: string; from: number }[] = [];

const host: TestSystem = await testSystem({
  startsAt: new Date(),
  async fetch(url, init) {
    const name = url.pathname.split("/").at(-1)?.slice(65) ?? "";
    if (name !== "" && name === writing.missing) return new Response(null, { status: 404 });
    const response = await fetch(url, init);
    const from = firstByte(new Headers(init.headers));
    requests.push({ name, from });
    const treatment = writing.treatment?.(name);
    return treatment === undefined ? response : treated(response, from, treatment);
  },
  storage: storageThatStops(path("root"), () => writing.endAt ?? Number.POSITIVE_INFINITY),
});
afterAll(async () => await host[Symbol.asyncDispose]());
await host.write(shippedRootPath, repository.rootJson);
const trusted = await refreshTrust(host.system, repository.mirror, new Date(0), never);
const update = trusted.manifest.updates.at(-1) ?? {};
const target = (name: string): Target => {
  const signed = trusted.target(name);
  if (signed === undefined) throw new Error(`no target ${name}`);
  return signed;
};
const whole = { boot: target("1.1.0-boot.efi"), root: target("1.1.0-root.zst"), hash: target("1.1.0-hash.zst") };
const ways: Ways = waysOf(update, whole, trusted, older.rootHash);
const plan = planOf(ways);

const running: RunningParts = {
  boot: { path: path("a.efi"), bytes: older.kernel.length },
  root: { path: path("root-a"), bytes: partitionBytes.root },
  hash: { path: path("hash-a"), bytes: partitionBytes.hash },
};

/** Fresh partitions, and the set of the older version as it runs. */
async function prepared(): Promise<void> {
  writing = {};
  requests = [];
  await mkdir(directory, { recursive: true });
  for (const name of ["root", "hash", "root-a", "hash-a"] as const) {
    await writeFile(path(name), name === "root-a" ? older.root : name === "hash-a" ? older.hash : "what was there");
    await truncate(path(name), name.startsWith("root") ? partitionBytes.root : partitionBytes.hash);
  }
  await writeFile(path("a.efi"), older.kernel);
  await rm(path("b.efi"), { force: true });
}

async function write(how: Writing = {}, by: Ways = ways): Promise<Fetched> {
  writing = how;
  requests = [];
  return await writeImage(
    host.system,
    {
      mirror: repository.mirror,
      ways: by,
      running,
      root: { path: path("root"), bytes: partitionBytes.root },
      hash: { path: path("hash"), bytes: partitionBytes.hash },
      kernel: path("b.efi"),
      size: { pieceBytes: 8192, syncBytes: 65_536 },
    },
    () => undefined,
    never,
  );
}

async function expectNewer(): Promise<void> {
  const [root, hash, kernel] = await Promise.all(
    [path("root"), path("hash"), path("b.efi")].map((each) => readFile(each)),
  );
  expect(root?.subarray(0, newer.root.length).equals(newer.root)).toBe(true);
  expect(hash?.subarray(0, newer.hash.length).equals(newer.hash)).toBe(true);
  expect(kernel?.equals(newer.kernel)).toBe(true);
}

const patchOf = (part: UpdatePart): Target => {
  const [way] = ways[part];
  if (way.kind !== "patch") throw new Error(`no patch of ${part}`);
  return way.target;
};
const fetchedNames = (): string[] => [...new Set(requests.map(({ name }) => name))];

test("a host takes patches from what it runs, and fetches what they have and no more", async () => {
  await prepared();
  const fetched = await write();
  await expectNewer();
  expect(fetched).toEqual({ bytes: plan.bytes, from: "1.0.0" });
  expect(plan).toMatchObject({ from: "1.0.0" });
  expect(plan.bytes).toBeLessThan(plan.wholeBytes / 10);
  expect(fetchedNames()).toEqual([patchOf("boot").name, patchOf("hash").name, patchOf("root").name]);
});

test("a host that runs another version, or none that is known, takes whole files, and the kernel compressed", async () => {
  const random = { ...whole, boot: { ...whole.boot, bytes: 10 ** 9 } };
  for (const rootHash of [undefined, newer.rootHash]) {
    const others = waysOf(update, whole, trusted, rootHash);
    expect(planOf(others)).not.toHaveProperty("from");
    const compressed = { packed: { boot: "1.1.0-hash.zst" } };
    expect(waysOf(compressed, random, trusted, rootHash).boot.map(({ kind }) => kind)).toEqual(["packed", "whole"]);
    await prepared();
    await write({}, others);
    await expectNewer();
  }
});

test("a patch that is not smaller, not signed, or of a kernel that has no hash of its own, is passed over", () => {
  const small = { ...whole, root: { ...whole.root, bytes: 1 }, boot: { ...whole.boot, name: "1.1.0-boot.efi.zst" } };
  const chosen = waysOf(update, small, trusted, older.rootHash);
  expect(chosen.root).toHaveLength(1);
  expect(chosen.boot).toHaveLength(1);
  const unsigned = waysOf(update, whole, { target: () => undefined }, older.rootHash);
  for (const part of parts) expect(unsigned[part].map(({ kind }) => kind)).toEqual(["whole"]);
});

test("a patch that the mirror lost, or cut short, costs the whole file", async () => {
  for (const part of parts) {
    const { name } = patchOf(part);
    for (const how of [{ missing: name }, { treatment: only(name, cutOff) }]) {
      await prepared();
      await write(how);
      await expectNewer();
      expect(fetchedNames()).toContain(whole[part].name);
    }
  }
}, 60_000);

function cutOff(bytes: Uint8Array, from: number): Uint8Array {
  return bytes.map((byte, at) => (from + at > 100 ? 0 : byte));
}

const only =
  (name: string, treatment: Treatment) =>
  (asked: string): Treatment | undefined =>
    asked === name ? treatment : undefined;

test("a patch with any byte changed never harms: the whole file comes in its place", async () => {
  const place = fc.constantFrom(...parts).chain((part) => {
    const { bytes } = patchOf(part);
    // Its first list and frame, anywhere, and the table of frames.
    const at = fc.oneof(
      fc.nat(Math.min(80, bytes - 1)),
      fc.nat(bytes - 1),
      fc.nat(Math.min(60, bytes - 1)).map((back) => bytes - 1 - back),
    );
    return fc.tuple(fc.constant(part), at, fc.integer({ min: 1, max: 255 }));
  });
  await fc.assert(
    fc.asyncProperty(place, async ([part, at, change]) => {
      await prepared();
      const { name } = patchOf(part);
      await write({
        treatment: only(name, (bytes, from) => {
          if (at < from || at >= from + bytes.length) return bytes;
          const changed = new Uint8Array(bytes);
          changed[at - from] = (changed[at - from] ?? 0) ^ change;
          return changed;
        }),
      });
      await expectNewer();
      expect(fetchedNames()).toContain(whole[part].name);
    }),
    { numRuns: 60 },
  );
}, 120_000);

test("what runs, with any byte changed or not to be read, makes a patch useless and nothing worse", async () => {
  const names = { boot: "a.efi", root: "root-a", hash: "hash-a" } as const;
  const sizes = { boot: older.kernel.length, root: older.root.length, hash: older.hash.length } as const;
  const place = fc.constantFrom(...parts).chain((part) => fc.tuple(fc.constant(part), fc.nat(sizes[part] - 1)));
  await fc.assert(
    fc.asyncProperty(place, async ([part, at]) => {
      await prepared();
      await using file = await open(path(names[part]), "r+");
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, at);
      await file.write(Buffer.from([(byte[0] ?? 0) ^ 0x55]), 0, 1, at);
      await write();
      await expectNewer();
    }),
    { numRuns: 40 },
  );
  for (const part of parts) {
    await prepared();
    await (part === "boot" ? rm(path(names[part])) : truncate(path(names[part]), 1000));
    await write();
    await expectNewer();
  }
}, 120_000);

test("a root that a damaged block made wrong goes on with the whole file from that block", async () => {
  await prepared();
  await using file = await open(path("root-a"), "r+");
  await file.write(Buffer.alloc(4096, 1), 0, 4096, Math.floor(older.root.length / 8192) * 4096);
  await write();
  await expectNewer();
  const resumed = requests.filter(({ name }) => name === whole.root.name).map(({ from }) => from);
  expect(resumed.at(-1)).toBeGreaterThan(whole.root.bytes / 4);
});

test("a patch that was cut off goes on in front of the first frame that is not there", async () => {
  await prepared();
  await expect(write({ endAt: newer.root.length * 0.7 })).rejects.toThrow("stopping");
  const fetched = await write();
  await expectNewer();
  expect(fetchedNames()).toEqual([patchOf("hash").name, patchOf("root").name]);
  const asked = requests.filter(({ name }) => name === patchOf("root").name).map(({ from }) => from);
  expect(asked).toEqual([1, 0, expect.any(Number)]); // the table of frames, the first one, and what is missing
  expect(asked.at(-1)).toBeGreaterThan(1000);
  expect(fetched.from).toBe("1.0.0");
});
