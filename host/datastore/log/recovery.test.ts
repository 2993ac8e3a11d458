/** Protects a host whose disk lies: whatever the files hold, the settings are those of one version that once was. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { datastoreOn, simulatedDisk } from "../../../test/worlds/host/datastore.ts";
import { SimulatedDisk } from "../../../test/simulator/media/disk.ts";
import type { Json } from "../../../lib/text/json.ts";
import { hashOf } from "./line.ts";

const small = { storeBytes: 100_000, segmentBytes: 700, segments: 40 };
const commits = 8;

/** Commits `settings.count` from 1 on, in several segments. */
async function written(): Promise<SimulatedDisk> {
  const disk = simulatedDisk();
  await using host = await datastoreOn(disk, { size: small });
  for (let count = 1; count <= commits; count++)
    await host.set({ "settings.count": count, [`settings.of-${count}`]: "x" });
  return disk;
}

const segments = (disk: SimulatedDisk): string[] => [...disk.contents().keys()].toSorted();

function content(disk: SimulatedDisk, name: string): Buffer {
  return disk.contents().get(name) ?? Buffer.alloc(0);
}

/** A disk with exactly these files. */
async function diskWith(files: ReadonlyMap<string, Uint8Array>): Promise<SimulatedDisk> {
  const disk = simulatedDisk();
  for (const [name, bytes] of files) {
    await using file = await disk.create(name);
    await file.append(bytes);
    await file.sync();
  }
  await disk.syncNames();
  return disk;
}

/** Flips a bit of the byte at `at`. */
async function flipped(disk: SimulatedDisk, name: string, at: number): Promise<SimulatedDisk> {
  const files = disk.contents();
  const bytes = Buffer.from(content(disk, name));
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  return diskWith(files.set(name, bytes));
}

describe("a damaged record of the newest segment", () => {
  test("is left out with all that follow it, which is said with their versions", async () => {
    const disk = await written();
    const newest = segments(disk).at(-1) ?? "";
    const third = content(disk, newest).toString().split("\n").slice(0, 2).join("\n").length + 80;
    await using host = await datastoreOn(await flipped(disk, newest, third), { size: small });
    const { version, values, repairs } = host.store;
    expect(values.get("settings.count")).toBe(version);
    expect(version).toBeLessThan(commits);
    expect(repairs[0]).toMatch(
      new RegExp(`^${newest}: damaged at byte \\d+; \\d+ bytes with versions? ${version + 1}.* left out$`),
    );
    expect(repairs.at(-1)).toStartWith(`the settings are those of version ${version} of 2026-`);
  });

  test("keeps its bytes, and the next commit goes on with a version that was never given", async () => {
    const disk = await written();
    const newest = segments(disk).at(-1) ?? "";
    const damaged = await flipped(disk, newest, content(disk, newest).length - 10);
    {
      await using host = await datastoreOn(damaged, { size: small });
      expect(host.store.version).toBe(commits - 1);
      expect(await host.set({ "settings.count": "next" })).toBeGreaterThan(commits);
    }
    expect(content(damaged, newest)).toHaveLength(content(disk, newest).length);
    await using host = await datastoreOn(damaged, { size: small });
    expect(host.store.values.get("settings.count")).toBe("next");
    expect(host.store.repairs).toEqual([]);
    const counts = (await host.store.history()).map(({ version }) => version);
    expect(counts.slice(1)).toEqual(Array.from({ length: commits - 1 }, (_, index) => commits - 1 - index));
  });
});

test("a record that was cut short by a power loss is left out and said to be unfinished", async () => {
  const disk = await written();
  const newest = segments(disk).at(-1) ?? "";
  disk.medium(newest)?.shorten(content(disk, newest).length - 5);
  await using host = await datastoreOn(disk, { size: small });
  expect(host.store.version).toBe(commits - 1);
  expect(host.store.repairs[0]).toMatch(/: an unfinished record at its end \(\d+ bytes\) was left out/);
});

test("a damaged base is made up for by the segment before: no commit is lost", async () => {
  const disk = await written();
  const newest = segments(disk).at(-1) ?? "";
  for (const at of [5, 100, content(disk, newest).indexOf('"values"')]) {
    await using host = await datastoreOn(await flipped(disk, newest, at), { size: small });
    expect(host.store.version).toBe(commits);
    expect(host.store.values.get("settings.count")).toBe(commits);
    expect(host.store.repairs[0]).toStartWith(`${newest}: its first lines are damaged`);
    expect((await host.store.history()).map(({ version }) => version)).toContain(commits);
  }
});

test("damage to an old segment costs some history, is said, and leaves the settings alone", async () => {
  const disk = await written();
  const [oldest = ""] = segments(disk);
  await using host = await datastoreOn(await flipped(disk, oldest, content(disk, oldest).length - 10), { size: small });
  expect(host.store.version).toBe(commits);
  expect(host.store.repairs).toEqual([
    expect.stringMatching(new RegExp(`^${oldest}: damaged at byte .* not affected$`)),
  ]);
  expect((await host.store.history()).map(({ version }) => version)).toEqual([8, 7, 6, 5, 4, 3, 1]);
  expect(await host.store.valuesAt(1)).toEqual(
    new Map<string, Json>([
      ["settings.count", 1],
      ["settings.of-1", "x"],
    ]),
  );
});

test("a segment that is missing in the middle is said, and only its history is gone", async () => {
  const disk = await written();
  const [, second = ""] = segments(disk);
  disk.lose(second);
  await using host = await datastoreOn(disk, { size: small });
  expect(host.store.version).toBe(commits);
  expect(host.store.repairs).toEqual([`${second} is missing; its history is lost, the settings are not affected`]);
});

test("a file that the disk cannot read counts as damaged; the settings of before are kept", async () => {
  const disk = await written();
  const newest = segments(disk).at(-1) ?? "";
  disk.makeUnreadable(newest);
  await using host = await datastoreOn(disk, { size: small });
  expect(host.store.values.get("settings.count")).toBe(host.store.version);
  expect(host.store.version).toBeGreaterThan(0);
  expect(host.store.repairs[0]).toBe(`${newest}: the disk cannot read it (EIO)`);
});

test("when nothing can be read, settings start empty, and can be committed", async () => {
  const disk = await diskWith(
    new Map([
      ["segment-0000000001", Buffer.from("garbage\n\n\0")],
      ["segment.new", Buffer.from("x")],
    ]),
  );
  await using host = await datastoreOn(disk, { size: small });
  expect(host.store.version).toBe(0);
  expect(host.store.repairs).toEqual([
    "segment-0000000001: none of its 10 bytes can be read; they were left out",
    "the settings start empty",
  ]);
  await host.set({ "settings.motd": "again" });
  await using after = await datastoreOn(disk, { size: small });
  expect(after.store.values.get("settings.motd")).toBe("again");
});

test("files that are not ours are left alone", async () => {
  const disk = await diskWith(
    new Map([
      ["lost+found", Buffer.from("x")],
      ["segment-1", Buffer.from("x")],
    ]),
  );
  await using host = await datastoreOn(disk, { size: small });
  await host.set({ "settings.motd": "hi" });
  expect(host.store.repairs).toEqual([]);
  expect(segments(disk)).toEqual(["lost+found", "segment-0000000001", "segment-1"]);
});

test("a newer format is refused, and nothing is changed", async () => {
  const body = JSON.stringify({ format: 2, whatever: "a later image needs" });
  const disk = await written();
  const files = disk.contents().set("segment-0000000099", Buffer.from(`${hashOf("", body)} ${body}\nmore\n`));
  const newer = await diskWith(files);
  await expect(datastoreOn(newer)).rejects.toMatchObject({
    code: "newer-format",
    message: "cannot open the datastore: segment-0000000099 has format 2, this image reads up to 1",
  });
  expect(newer.contents()).toEqual(files);
});

describe("fuzz", () => {
  /** What some bytes of a file may become. */
  const edits = fc.array(
    fc.record({
      file: fc.nat(),
      at: fc.nat(),
      length: fc.nat({ max: 400 }),
      bytes: fc.oneof(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom("\n", "{", "\n\n", '{"version":9007199254740991}').map((text) => Buffer.from(text)),
      ),
    }),
    { minLength: 1, maxLength: 4 },
  );

  test("edited files never keep it from opening, from a state that once was, and from committing", async () => {
    const original = (await written()).contents();
    const names = [...original.keys()];
    await fc.assert(
      fc.asyncProperty(edits, async (changes) => {
        const files = new Map(original);
        for (const { file, at, length, bytes } of changes) {
          const name = names[file % names.length] ?? "";
          const old = files.get(name) ?? Buffer.alloc(0);
          const from = at % (old.length + 1);
          files.set(name, Buffer.concat([old.subarray(0, from), bytes, old.subarray(from + length)]));
        }
        const disk = await diskWith(files);
        await using host = await datastoreOn(disk, { size: small });
        const { version, values } = host.store;
        expect(values.get("settings.count") ?? 0).toBe(version);
        expect(values.size).toBe(version === 0 ? 0 : version + 1);
        const next = await host.set({ "settings.motd": "next" });
        await using after = await datastoreOn(disk, { size: small });
        expect(after.store.version).toBe(next);
        expect(after.store.values.get("settings.motd")).toBe("next");
        for (const transaction of await after.store.history(1000))
          await after.store.valuesAt(transaction.version).catch(isFolded);
      }),
      { numRuns: 300 },
    );
  });

  test("lines with right hashes but wrong content are not believed", async () => {
    const bodies = fc.array(fc.oneof(fc.json(), fc.string(), fc.constant("[".repeat(100_000))), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(bodies, async (texts) => {
        let hash = "";
        const lines = texts.map((text) => {
          const body = text.replaceAll("\n", " ");
          hash = hashOf(hash, body);
          return `${hash} ${body}\n`;
        });
        const disk = await diskWith(new Map([["segment-0000000001", Buffer.from(lines.join(""))]]));
        await using host = await datastoreOn(disk);
        expect(host.store.version).toBe(0);
      }),
      { numRuns: 100 },
    );
  });
});

function isFolded(error: unknown): void {
  expect(error).toMatchObject({ code: "no-such-version" });
}
