/** Protects: whatever a mirror, a disk or a person serves, it is refused in words and in time, or means what it says. */
import { afterAll, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import fc from "fast-check";
import { isFailure } from "../../lib/failure.ts";
import { parseJson, type Json } from "../../lib/text/json.ts";
import { parseManifest } from "../../repo/manifest.ts";
import { parseMigration, type Migration } from "../../settings/migrations/migration.ts";
import { reading, testImage } from "../../test/worlds/update/update-image.ts";
import { testMachines, testRepository } from "../../test/worlds/update/update-repository.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { entryText, parseEntry } from "./boot/boot-entry.ts";
import { kept } from "../kept/things.ts";
import { nothingKnown } from "./memory.ts";
import { refreshTrust, shippedRootPath } from "./fetch/trusted-repository.ts";
import { promisedBy } from "./boot/unified-image.ts";

const signal = new AbortController().signal;
/** Generous, since machines that test are busy; a parser that backtracks takes far longer. */
const slowMs = 2_000;

const repository = await testRepository();
afterAll(async () => await repository[Symbol.asyncDispose]());
const migration: Migration = {
  version: "1.1.0",
  summary: "rename a setting",
  steps: [{ do: "rename", from: "settings.a", to: "settings.b" }],
};
for (const version of ["1.0.0", "1.1.0"]) {
  await repository.publish(version, {
    waves: [{ firstSeed: 0, start: new Date() }],
    migrations: [migration],
  });
}
const files = new Map<string, Buffer>();
for (const entry of await readdir(repository.directory, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  files.set(`/${relative(repository.directory, path)}`, await readFile(path));
}
const tree = `/metadata/${testMachines.variant}/${testMachines.arch}`;
const served = {
  root: `${tree}/2.root.json`,
  timestamp: `${tree}/timestamp.json`,
  snapshot: `${tree}/2.snapshot.json`,
  targets: `${tree}/2.targets.json`,
};
const firstRoot = files.get(`${tree}/1.root.json`) ?? Buffer.alloc(0);

/** Some bytes of it are others, or missing, or there twice. */
function damaged(bytes: Buffer): fc.Arbitrary<Buffer> {
  const at = fc.nat(Math.max(0, bytes.length - 1));
  return fc.oneof(
    fc.tuple(at, fc.nat(255)).map(([where, value]) => Buffer.from(bytes).fill(value, where, where + 1)),
    at.map((where) => bytes.subarray(0, where)),
    fc.tuple(at, at).map(([from, to]) => Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])),
    fc
      .tuple(at, fc.uint8Array({ maxLength: 40 }))
      .map(([where, extra]) => Buffer.concat([bytes.subarray(0, where), extra, bytes.subarray(where)])),
  );
}

/** A JSON document in which one value, somewhere, is another one, is gone, or is there under another name. */
function changed(document: Json): fc.Arbitrary<Json> {
  const places = placesIn(document);
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(null, -1, 1e308, "", "__proto__", [], {}));
  return fc.tuple(fc.constantFrom(...places), fc.option(value, { nil: undefined })).map(([path, replacement]) => {
    const copy = structuredClone(document);
    const holder = path.slice(0, -1).reduce<unknown>((each, key) => (each as Record<string, unknown>)[key], copy);
    const last = path.at(-1) ?? "";
    const object = holder as Record<string, unknown>;
    if (replacement === undefined) delete object[last];
    else object[last] = replacement;
    return copy;
  });
}

function placesIn(value: Json, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) => [[...path, key], ...placesIn(each, [...path, key])]);
}

const jsonOf = (bytes: Buffer | undefined): Json => parseJson((bytes ?? Buffer.alloc(0)).toString());

/** Returns, or throws a failure that tells people; never anything else, and never late. */
async function inTime<T>(act: () => T | Promise<T>): Promise<T | undefined> {
  const startedMs = performance.now();
  try {
    return await act();
  } catch (error) {
    if (!isFailure(error)) throw error;
    expect(error.message).toMatch(/^cannot /);
    return undefined;
  } finally {
    expect(performance.now() - startedMs).toBeLessThan(slowMs);
  }
}

test("a manifest of any kind is understood or refused, and what is understood is what it says", async () => {
  const manifestFile = [...files].findLast(([path]) => path.endsWith(".manifest.json"))?.[1];
  const manifest = jsonOf(manifestFile);
  const anything = fc.oneof(fc.jsonValue(), changed(manifest));
  await fc.assert(
    fc.asyncProperty(anything, async (document) => {
      const parsed = await inTime(() => parseManifest(document, "manifest.json"));
      if (parsed !== undefined) expect(document).toMatchObject(JSON.parse(JSON.stringify(parsed)));
    }),
    { numRuns: 2000 },
  );
  await fc.assert(
    fc.asyncProperty(damaged(manifestFile ?? Buffer.alloc(0)), async (bytes) => {
      await inTime(() => parseManifest(jsonOf(bytes), "manifest.json"));
    }),
    { numRuns: 500 },
  );
});

test.each(["root", "timestamp", "snapshot", "targets"] as const)(
  "%s metadata of any kind is refused, or the repository reads as it was signed",
  async (role) => {
    const original = role === "root" ? firstRoot : (files.get(served[role]) ?? Buffer.alloc(0));
    expect(original.length).toBeGreaterThan(100);
    const text = (document: unknown): Buffer => Buffer.from(JSON.stringify(document) ?? "");
    const bombs = [
      Buffer.from("[".repeat(100_000)),
      Buffer.from(`{"signed":${"[".repeat(50_000)}${"]".repeat(50_000)},"signatures":[]}`),
      Buffer.from(`{"signatures":[],"signed":${"9".repeat(10_000)}}`),
    ];
    const anything = fc.oneof(
      { weight: 6, arbitrary: changed(jsonOf(original)).map(text) },
      { weight: 3, arbitrary: damaged(original) },
      { weight: 1, arbitrary: fc.jsonValue().map(text) },
    );
    const honest = await look(new Map());
    expect(honest?.manifest.updates).toHaveLength(2);
    const judge = async (bytes: Buffer): Promise<void> => {
      const result = await inTime(async () => await look(new Map([[served[role], bytes]])));
      if (result !== undefined) expect(result.manifest).toEqual(honest?.manifest ?? { updates: [], migrations: {} });
    };
    for (const bomb of bombs) await judge(bomb);
    await fc.assert(fc.asyncProperty(anything, judge), { numRuns: 80 });
  },
  120_000,
);

/** A host that never looked before reads the repository with some files in the place of others. */
async function look(replaced: ReadonlyMap<string, Buffer>) {
  await using host = await testSystem({
    startsAt: new Date(),
    fetch: (url) => {
      const content = replaced.get(url.pathname) ?? files.get(url.pathname);
      return Promise.resolve(content === undefined ? new Response(null, { status: 404 }) : new Response(content));
    },
  });
  await host.write(shippedRootPath, repository.rootJson);
  return await refreshTrust(host.system, repository.mirror, new Date(0), signal);
}

test("migrations, boot entries, kernels and memory of any kind are understood or refused", async () => {
  const kernel = testImage(4).kernel;
  const entry = Buffer.from(entryText({ set: "b", priority: 3, standing: { kind: "successful" }, version: "1.0.0" }));
  await using host = await testSystem();
  await fc.assert(
    fc.asyncProperty(
      changed(structuredClone(migration) as unknown as Json),
      damaged(kernel),
      damaged(entry),
      damaged(Buffer.from(JSON.stringify({ ...nothingKnown, available: ["1.0.0"] }))),
      async (document, image, text, memory) => {
        await inTime(() => parseMigration(JSON.stringify(document), "m.json"));
        await inTime(async () => await promisedBy(reading(image)));
        const parsed = parseEntry("orlop-b.conf", text.toString("latin1"));
        if (parsed !== undefined) expect(parsed).toMatchObject({ set: "b", standing: { kind: "successful" } });
        await host.write("/var/lib/orlop/updates.json", memory.toString("latin1"), "latin1");
        expect(((await kept.updates.read(host.system)) ?? nothingKnown).held).toBeArray();
      },
    ),
    { numRuns: 400 },
  );
}, 60_000);
