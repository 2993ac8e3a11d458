/** Protects: a host takes what its repository signed, newest, whole and now; and nothing else from anybody. */
import { expect, test } from "bun:test";
import { copyFile, cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refresh } from "../../../repo/publish.ts";
import { rotateRoot } from "../../../repo/root-chain.ts";
import { withKey, withoutKey } from "../../../repo/roles/root-role.ts";
import { newSigner, testRepository, type TestRepository } from "../../../test/worlds/update/update-repository.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import type { UpdateMirror } from "./mirror.ts";
import { refreshTrust, shippedRootPath, targetBytes, type TrustedRepository } from "./trusted-repository.ts";

const statePath = "/var/lib/orlop/tuf";

const signal = new AbortController().signal;
const dayMs = 86_400_000;

type World = AsyncDisposable & {
  repository: TestRepository;
  host: TestSystem;
  tree: string;
  look(mirror?: UpdateMirror): Promise<TrustedRepository>;
  /** The tree as it is now, to be put back with `restore`. */
  keep(): Promise<{ restore(): Promise<void> }>;
};

async function makeWorld(): Promise<World> {
  const now = new Date();
  const repository = await testRepository(now);
  const host = await testSystem({ startsAt: now });
  await host.write(shippedRootPath, repository.rootJson);
  await repository.publish("1.1.0");
  const tree = join(repository.directory, "metadata/dev/x86_64");
  const copies: string[] = [];
  return {
    repository,
    host,
    tree,
    look: (mirror = repository.mirror) => refreshTrust(host.system, mirror, new Date(now.getTime() - dayMs), signal),
    async keep() {
      const copy = await mkdtemp(join(tmpdir(), "orlop-tree-"));
      copies.push(copy);
      await cp(tree, copy, { recursive: true });
      return {
        restore: async () => {
          await rm(tree, { recursive: true });
          await cp(copy, tree, { recursive: true });
        },
      };
    },
    async [Symbol.asyncDispose]() {
      for (const copy of copies) await rm(copy, { recursive: true });
      await host[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
    },
  };
}

const refused = (code: string, text: string): object => ({ code, message: expect.stringContaining(text) });

test("what is published is seen, and a target comes as it was signed", async () => {
  await using world = await makeWorld();
  const seen = await world.look();
  expect(seen.manifest.updates.map(({ version }) => version)).toEqual(["1.1.0"]);
  const target = seen.target("1.1.0-root.zst");
  if (target === undefined) throw new Error("no target");
  const bytes = await targetBytes(world.host.system, world.repository.mirror, target, 100, signal);
  expect(bytes.toString()).toBe("root 1.1.0");
  expect(seen.target("constructor")).toBeUndefined();
});

test("metadata older than what was seen is refused, also after a restart", async () => {
  await using world = await makeWorld();
  const old = await world.keep();
  await world.repository.publish("1.2.0");
  await world.look();
  await old.restore();
  await expect(world.look()).rejects.toMatchObject(refused("metadata-rolled-back", "this host has seen version 2"));
  await expect(world.look()).rejects.toMatchObject({ code: "metadata-rolled-back" });
});

test("without its memory the same old metadata would be taken: the memory is what protects", async () => {
  await using world = await makeWorld();
  const old = await world.keep();
  await world.repository.publish("1.2.0");
  await world.look();
  await old.restore();
  await rm(join(world.host.system.root, statePath), { recursive: true });
  expect((await world.look()).manifest.updates).toHaveLength(1);
});

test("a repository that stands still is refused once it expires, with the role and the date", async () => {
  await using world = await makeWorld();
  const signedAt = Date.now() - dayMs;
  const expirations = { timestamp: 1000 };
  await refresh(await world.repository.open(), world.repository.signing({ expirations, now: new Date(signedAt) }));
  const at = new Date(signedAt + 1000).toISOString().slice(0, 16);
  await expect(world.look()).rejects.toMatchObject(
    refused("metadata-expired", `its timestamp metadata expired at ${at}`),
  );
});

test("targets that expired behind a fresh timestamp are refused as well", async () => {
  await using world = await makeWorld();
  const old = new Date(Date.now() - dayMs);
  await refresh(await world.repository.open(), {
    ...world.repository.signing({ now: old }),
    expirations: { root: 300 * dayMs, targets: 1000, snapshot: 30 * dayMs, timestamp: 30 * dayMs },
  });
  await expect(world.look()).rejects.toMatchObject(refused("metadata-expired", "its targets metadata expired at"));
});

test("a snapshot of one time with targets of another is refused", async () => {
  await using world = await makeWorld();
  await copyFile(join(world.tree, "1.targets.json"), join(world.tree, "old"));
  await world.repository.publish("1.2.0");
  await rename(join(world.tree, "old"), join(world.tree, "2.targets.json"));
  await expect(world.look()).rejects.toMatchObject({ code: "metadata-not-consistent" });
});

test("a repository signed by other keys is refused, and what the host trusts stays", async () => {
  await using world = await makeWorld();
  await using second = await testRepository();
  await second.publish("6.6.6");
  await world.look();
  const before = await readFile(join(world.host.system.root, statePath, "timestamp.json"), "utf8");
  await expect(world.look(second.mirror)).rejects.toMatchObject(refused("metadata-not-signed", "0 of 1 signatures"));
  expect(await readFile(join(world.host.system.root, statePath, "timestamp.json"), "utf8")).toBe(before);
  expect((await world.look()).manifest.updates).toHaveLength(1);
});

test("a host that slept through three rotations of every key follows, and then refuses the first keys", async () => {
  await using world = await makeWorld();
  await world.look();
  const old = await world.keep();
  let [root, publication] = [world.repository.rootSigner, world.repository.publicationSigner];
  let repository = await world.repository.open();
  for (let turn = 0; turn < 3; turn++) {
    const [nextRoot, nextPublication] = [newSigner(), newSigner()];
    const signing = { ...world.repository.signing(), signers: [nextPublication] };
    const [leaving, leavingPublication] = [root.key, publication.key];
    repository = await rotateRoot(
      repository,
      (content) => {
        const rooted = withoutKey(withKey(content, ["root"], nextRoot.key), ["root"], leaving.keyID);
        const roles = ["targets", "snapshot", "timestamp"] as const;
        return withoutKey(withKey(rooted, roles, nextPublication.key), roles, leavingPublication.keyID);
      },
      [root, nextRoot],
      signing,
    );
    [root, publication] = [nextRoot, nextPublication];
  }
  expect((await world.look()).manifest.updates).toHaveLength(1);
  expect(JSON.parse(await world.host.read(`${statePath}/root.json`))).toMatchObject({ signed: { version: 4 } });
  await old.restore();
  await expect(world.look()).rejects.toMatchObject({ code: "metadata-not-signed" });
});

test("a clock before the image or before the last check is not believed", async () => {
  await using world = await makeWorld();
  const from = world.host.system.clock.now();
  await world.host.advance(-2 * dayMs);
  await expect(world.look()).rejects.toMatchObject(refused("clock-not-sane", "before this image was built"));
  await world.host.advance(2 * dayMs);
  await world.look();
  await world.host.advance(-dayMs / 2);
  await expect(world.look()).rejects.toMatchObject(refused("clock-not-sane", from.toISOString().slice(0, 16)));
});

test("memory that was damaged is replaced, not trusted and not fatal", async () => {
  for (const name of ["root.json", "timestamp.json", "snapshot.json", "targets.json", "known.json"]) {
    for (const text of ["", "{", '{"signed":{}}', "null"]) {
      await using world = await makeWorld();
      await world.look();
      await writeFile(join(world.host.system.root, statePath, name), text);
      expect((await world.look()).manifest.updates).toHaveLength(1);
      expect(await world.host.read(`${statePath}/${name}`)).not.toBe(text);
    }
  }
}, 60_000); // twenty repositories

test("an image that trusts another repository starts over with it; an older image of the same one does not", async () => {
  await using world = await makeWorld();
  await world.look();
  await using second = await testRepository();
  await second.publish("3.0.0");
  await world.host.write(shippedRootPath, second.rootJson);
  expect((await world.look(second.mirror)).manifest.updates.map(({ version }) => version)).toEqual(["3.0.0"]);
  await world.host.write(shippedRootPath, world.repository.rootJson);
  await expect(world.look()).rejects.toMatchObject({ code: "metadata-not-signed" });
});

test("metadata that is truncated, endless or garbage is refused, and nothing of it is kept", async () => {
  const damage: [string, (text: string) => string, string][] = [
    ["timestamp.json", () => "<html>", "bad-metadata"],
    ["timestamp.json", (text) => text.slice(0, 100), "bad-metadata"],
    ["timestamp.json", (text) => text + " ".repeat(1024 * 1024), "bad-metadata"],
    ["1.snapshot.json", () => "[]", "bad-metadata"],
    ["1.targets.json", (text) => text.replace("1.1.0-root", "9.9.9-root"), "metadata-not-signed"],
    ["2.root.json", () => "{}", "bad-metadata"],
  ];
  for (const [name, change, code] of damage) {
    await using world = await makeWorld();
    const text = await readFile(join(world.tree, name), "utf8").catch(() => "");
    await writeFile(join(world.tree, name), change(text));
    await expect(world.look()).rejects.toMatchObject({ code });
    const kept = await readdir(join(world.host.system.root, statePath));
    expect(kept.filter((each) => each.startsWith(".work"))).toEqual([]);
    for (const each of kept) expect(await world.host.read(`${statePath}/${each}`)).not.toBe(change(text));
  }
});

test("a repository that nobody serves is told as unreachable, and a missing file by its name", async () => {
  await using world = await makeWorld();
  const nowhere = { ...world.repository.mirror, metadata: new URL("http://127.0.0.1:1/metadata") };
  await expect(world.look(nowhere)).rejects.toMatchObject(refused("repository-unreachable", "127.0.0.1:1"));
  await rm(join(world.tree, "1.snapshot.json"));
  await expect(world.look()).rejects.toMatchObject(refused("repository-unreachable", "1.snapshot.json"));
});

test("a target whose bytes were changed or cut is refused at its end", async () => {
  await using world = await makeWorld();
  const target = (await world.look()).target("1.1.0-root.zst");
  if (target === undefined) throw new Error("no target");
  const stored = join(world.repository.directory, "targets", `${target.digest.hex}.${target.name}`);
  for (const bytes of ["root 9.9.9", "root 1"]) {
    await writeFile(stored, bytes);
    const read = targetBytes(world.host.system, world.repository.mirror, target, 100, signal);
    await expect(read).rejects.toMatchObject(refused("target-not-as-signed", target.name));
  }
  await writeFile(stored, "root 1.1.0 and more");
  await expect(targetBytes(world.host.system, world.repository.mirror, target, 100, signal)).rejects.toMatchObject({
    code: "too-long",
  });
});

test("the server is told the version, the seed and the target, and nothing depends on it", async () => {
  await using world = await makeWorld();
  const requests: string[] = [];
  await using recording = await testSystem({
    startsAt: new Date(),
    fetch: async (url, init) => {
      requests.push(url.search);
      return await fetch(url, init);
    },
  });
  await recording.write(shippedRootPath, world.repository.rootJson);
  const mirror = { ...world.repository.mirror, query: { version: "1.0.0", seed: "7", target: "1.1.0" } };
  await refreshTrust(recording.system, mirror, new Date(0), signal);
  expect(new Set(requests)).toEqual(new Set(["?version=1.0.0&seed=7&target=1.1.0"]));
});
