/** Protects: what a publisher signs is what an independent TUF client accepts, and an interruption breaks nothing. */
import { Metadata, MetadataKind } from "@tufjs/models";
import { expect, test } from "bun:test";
import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openLocked } from "../lib/files/file-lock.ts";
import { explain } from "../lib/failure.ts";
import { isPresent } from "../lib/files/files.ts";
import { publisher, signerOfType } from "../test/worlds/update/publisher.ts";
import { newSigner, testMachines as machines } from "../test/worlds/update/update-repository.ts";
import { expirations } from "./roles/expirations.ts";
import { keyTypes } from "./roles/key.ts";
import { migrationsBetween, recall } from "./manifest.ts";
import { changeManifest, publish, refresh } from "./publish.ts";
import { currentTree, newestRoot, openRepository, readManifest } from "./repository.ts";
import { rotateRoot } from "./root-chain.ts"; // prettier-ignore
import { withKey, withoutKey } from "./roles/root-role.ts";
import { serveRepository } from "./serve.ts";
import { signMetadata } from "./roles/signer.ts";
import { serialise } from "./tree.ts";
import { validateTree } from "./validate.ts";

for (const type of keyTypes) {
  test(`a client accepts what a ${type} key signed, byte for byte`, async () => {
    await using here = await publisher(signerOfType(type));
    await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
    const { targets, roles } = await here.validate();
    expect(targets.map(({ name }) => name).toSorted()).toEqual([
      "manifest.json",
      "orlop-dev-x86_64-1.0.0-boot",
      "orlop-dev-x86_64-1.0.0-hash",
      "orlop-dev-x86_64-1.0.0-root",
    ]);
    expect(roles.map(({ role, version }) => `${role} ${version}`)).toEqual([
      "root 1",
      "targets 1",
      "snapshot 1",
      "timestamp 1",
    ]);
  }, 60_000); // finding primes for two RSA keys takes seconds on a busy machine
}

test("a second release keeps the first, and recalling it lowers the maximum for both", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  await publish(here.repository, await here.release("1.1.0"), { waves: [] }, here.signing);
  await changeManifest(here.repository, machines, here.signing, (manifest) => recall(manifest, machines, "1.1.0"));
  expect((await here.validate()).targets).toHaveLength(7);
  const tree = await currentTree(await openRepository(here.directory), machines);
  const { updates } = await readManifest(here.repository, tree?.targets.signed.targets ?? {});
  expect(updates.map(({ version, max_version }) => [version, max_version])).toEqual([
    ["1.0.0", "1.0.0"],
    ["1.1.0", "1.0.0"],
  ]);
});

test("publishing a version twice is refused and changes nothing", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const again = publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  await expect(again).rejects.toThrow("cannot add version 1.0.0");
  expect((await here.validate()).roles.at(-1)?.version).toBe(1);
});

test("a flipped byte in any target is found", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const store = join(here.directory, "targets");
  const [name] = (await readdir(store)).filter((each) => each.endsWith("-root"));
  await rename(join(store, name ?? ""), join(store, "moved"));
  const bytes = new Uint8Array(await Bun.file(join(store, "moved")).arrayBuffer());
  bytes[500] = (bytes[500] ?? 0) ^ 1;
  await writeFile(join(store, name ?? ""), bytes);
  await expect(here.validate()).rejects.toThrow("orlop-dev-x86_64-1.0.0-root");
});

test("metadata that was edited by hand is neither accepted nor signed again", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const path = join(here.directory, "metadata/dev/x86_64/1.targets.json");
  await writeFile(path, (await Bun.file(path).text()).replaceAll(/"length": \d+/g, '"length": 7'));
  await expect(here.validate()).rejects.toThrow();
  await expect(refresh(here.repository, here.signing)).rejects.toThrow("cannot trust the metadata");
});

test("too few root keys cannot rotate the root, and the old and the new ones together can", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const [first, second, third] = here.rootSigners;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three root keys");
  const fresh = newSigner();
  const replace = (content: Parameters<typeof withKey>[0]): ReturnType<typeof withKey> =>
    withoutKey(withKey(content, ["root"], fresh.key), ["root"], first.key.keyID);
  await expect(rotateRoot(here.repository, replace, [fresh, second], here.signing)).rejects.toThrow(
    "asks for 2 of its 3 root keys",
  );
  await rotateRoot(here.repository, replace, [first, second, fresh], here.signing);
  const { roles } = await here.validate(); // from version 1: an old host follows the chain
  expect(roles.map(({ role, version }) => `${role} ${version}`)).toEqual([
    "root 2",
    "targets 2",
    "snapshot 2",
    "timestamp 2",
  ]);
});

test("who read the repository before its keys were changed can neither publish nor rotate them", async () => {
  await using here = await publisher();
  const before = await openRepository(here.directory);
  const keep = (content: Parameters<typeof withKey>[0]): ReturnType<typeof withKey> => content;
  await rotateRoot(here.repository, keep, here.rootSigners, here.signing);
  const refused = { code: "repository-changed" };
  await expect(rotateRoot(before, keep, here.rootSigners, here.signing)).rejects.toMatchObject(refused);
  const late = publish(before, await here.release("1.0.0"), { waves: [] }, here.signing);
  await expect(late).rejects.toMatchObject(refused);
  await publish(await openRepository(here.directory), await here.release("1.0.0"), { waves: [] }, here.signing);
  expect((await here.validate()).roles[0]).toMatchObject({ role: "root", version: 2 });
});

test("after the publication key was rotated, the old one can publish nothing", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const fresh = signerOfType("ecdsa");
  const old = here.signing.signers[0];
  if (old === undefined) throw new Error("a publication key");
  const online = ["targets", "snapshot", "timestamp"] as const;
  const rotated = await rotateRoot(
    here.repository,
    (content) => withoutKey(withKey(content, online, fresh.key), online, old.key.keyID),
    here.rootSigners,
    { ...here.signing, signers: [fresh] },
  );
  await expect(publish(rotated, await here.release("1.1.0"), { waves: [] }, here.signing)).rejects.toThrow(
    "cannot sign targets",
  );
  await publish(rotated, await here.release("1.1.0"), { waves: [] }, { ...here.signing, signers: [fresh] });
  expect((await here.validate()).targets).toHaveLength(7);
  expect(newestRoot(await openRepository(here.directory)).signed.version).toBe(2);
});

test("whatever prefix of a publication reached the disk, clients see the old release or the new one, whole", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const before = `${here.directory}-before`;
  await cp(here.directory, before, { recursive: true });
  await publish(here.repository, await here.release("1.1.0"), { waves: [] }, here.signing);
  const metadata = "metadata/dev/x86_64";
  const added = (await readdir(join(here.directory, "targets"))).map((name) => join("targets", name));
  const order = [...added, `${metadata}/2.targets.json`, `${metadata}/2.snapshot.json`, `${metadata}/timestamp.json`];
  for (let reached = 0; reached <= order.length; reached++) {
    const path = order[reached - 1];
    if (path !== undefined) await cp(join(here.directory, path), join(before, path));
    using server = serveRepository(before);
    const { targets } = await validateTree(server.url, machines, serialise(here.repository.roots[0]));
    expect(targets.length).toBe(reached === order.length ? 7 : 4);
  }
  await rm(before, { recursive: true });
});

test("days left are told for every role, and a refresh renews them", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const later = new Date(here.signing.now.getTime() + 6.5 * 86_400_000);
  const [soonest] = await expirations(here.repository, later);
  expect(soonest).toMatchObject({ role: "timestamp", daysLeft: 0.5 });
  expect(await refresh(here.repository, { ...here.signing, now: later })).toEqual([machines]);
  expect((await expirations(here.repository, later))[0]).toMatchObject({ role: "timestamp", daysLeft: 7, version: 2 });
});

test("a second publisher is kept out while one is at work", async () => {
  await using here = await publisher();
  const theirs = await openLocked(join(here.directory, ".lock"));
  const blocked = publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  await expect(blocked).rejects.toMatchObject({ code: "repository-locked" });
  await theirs?.close();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
});

test("a publisher that was killed keeps nobody out, and what it left half written is removed", async () => {
  await using here = await publisher();
  const source = `
    import { openLocked } from ${JSON.stringify(join(import.meta.dir, "../lib/files/file-lock.ts"))};
    globalThis.held = await openLocked(${JSON.stringify(join(here.directory, ".lock"))});
    console.log(globalThis.held !== undefined);
    setInterval(() => undefined, 1000);
  `;
  const killed = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" });
  const { value } = await killed.stdout.getReader().read();
  expect(Buffer.from(value ?? []).toString()).toBe("true\n");
  const release = await here.release("1.0.0");
  await expect(publish(here.repository, release, { waves: [] }, here.signing)).rejects.toThrow("another process");
  killed.kill("SIGKILL");
  await killed.exited;
  const left = ["targets/.orlop-root.0123456789ab", "root/.2.root.json.0123456789ab"];
  for (const path of left) await Bun.write(join(here.directory, path), "half");
  await publish(here.repository, release, { waves: [] }, here.signing);
  for (const path of [...left, ".lock"]) expect(await isPresent(join(here.directory, path))).toBe(false);
  expect((await here.validate()).targets).toHaveLength(4);
});

test("a release brings the migrations since the release before it, as signed targets that its hop names", async () => {
  await using here = await publisher();
  const migration = (version: string) => ({ version, name: `migrate_v${version}_x.json`, text: `{"of":"${version}"}` });
  const [first, second, third] = [migration("1.0.0"), migration("1.1.0"), migration("1.3.0")];
  await publish(
    here.repository,
    { ...(await here.release("1.0.0")), migrations: [first] },
    { waves: [] },
    here.signing,
  );
  const later = { ...(await here.release("1.2.0")), migrations: [second, first, third] };
  await publish(here.repository, later, { waves: [] }, here.signing);
  const tree = await currentTree(here.repository, machines);
  const manifest = await readManifest(here.repository, tree?.targets.signed.targets ?? {});
  expect(manifest.migrations).toEqual({ "(0.0.0, 1.0.0)": [first.name], "(1.0.0, 1.2.0)": [second.name] });
  const { targets } = await here.validate();
  expect(targets.map(({ name }) => name).filter((name) => name.startsWith("migrate"))).toEqual([
    first.name,
    second.name,
  ]);

  expect(migrationsBetween(manifest, "0.9.0", "1.2.0")).toEqual([first.name, second.name]);
  expect(migrationsBetween(manifest, "1.0.0", "1.2.0")).toEqual([second.name]);
  expect(migrationsBetween(manifest, "1.2.0", "1.2.0")).toEqual([]);
  expect(migrationsBetween(manifest, "0.9.0", "1.1.0")).toEqual([first.name]);
});

test("a root that nobody signed, or that is none, is told without a stack", async () => {
  await using here = await publisher();
  const path = join(here.directory, "root", "1.root.json");
  const root = JSON.parse(await readFile(path, "utf8"));
  for (const [document, reason] of [
    [{ ...root, signatures: [] }, /^cannot trust \S+1\.root\.json: .*root was signed by 0\/2 keys$/],
    [{ signed: {} }, /^cannot read \S+1\.root\.json: it is not TUF metadata: /],
  ] as const) {
    await writeFile(path, JSON.stringify(document));
    const refused = await openRepository(here.directory).catch((error: unknown) => error);
    expect(explain(refused).split("\n")).toEqual([expect.stringMatching(reason)]);
  }
});

test("a manifest that is damaged on disk is told by the path of its file", async () => {
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const tree = await currentTree(here.repository, machines);
  const targets = tree?.targets.signed.targets ?? {};
  const stored = (await readdir(join(here.directory, "targets"))).find((name) => name.endsWith(".manifest.json"));
  const path = join(here.directory, "targets", stored ?? "");
  for (const [text, reason] of [
    ["{}", `cannot use ${path}: `],
    ["{", `cannot read ${path}: line 1, `],
  ] as const) {
    await writeFile(path, text);
    const refused = await readManifest(here.repository, targets).catch((error: unknown) => error);
    expect(explain(refused)).toStartWith(reason);
    expect(explain(refused)).not.toContain("TUF metadata");
  }
});

test("metadata names the version of the specification that every client accepts", async () => {
  // tough, which tuftool and Bottlerocket's own tools are made of, takes "1.0.0" and nothing else when it updates.
  await using here = await publisher();
  await publish(here.repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  const roles = (await readdir(here.directory, { recursive: true })).filter((name) =>
    /(root|targets|snapshot|timestamp)\.json$/.test(name),
  );
  expect(roles.length).toBeGreaterThan(3);
  for (const role of roles) {
    const { signed } = JSON.parse(await readFile(join(here.directory, role), "utf8"));
    expect([role, signed.spec_version]).toEqual([role, "1.0.0"]);
  }
});

test("what an older tool of ours signed is gone on with", async () => {
  await using here = await publisher();
  const path = join(here.directory, "root", "1.root.json");
  const signed = { ...JSON.parse(await readFile(path, "utf8")).signed, spec_version: "1.0.33" };
  const old = Metadata.fromJSON(MetadataKind.Root, { signed, signatures: [] });
  await signMetadata(old, here.rootSigners);
  await writeFile(path, JSON.stringify(old.toJSON()));
  const repository = await openRepository(here.directory);
  await publish(repository, await here.release("1.0.0"), { waves: [] }, here.signing);
  expect((await here.validate(serialise(old))).targets).toHaveLength(4);
});
