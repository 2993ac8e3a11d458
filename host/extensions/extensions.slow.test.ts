/**
 * Protects: nothing comes into /usr that the key of the image has not signed to its last byte, for this very host, and what is
 * there does not depend on a repository. Extensions are real, the repository too; what mounts them is recorded.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { copyFile, mkdir, readFile, rm, stat } from "node:fs/promises";
import { X509Certificate } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { explain, Failure } from "../../lib/failure.ts";
import { tableEntries } from "../../lib/partition-table.ts";
import { addTarget } from "../../repo/publish.ts";
import { extensionBuild, type ExtensionBuild } from "../../test/worlds/extension/extension-build.ts";
import { flipBit, resigned, strangersKey } from "../../test/worlds/extension/resigned.ts";
import { testSystem, type TestSystem } from "../../test/worlds/host/system.ts";
import { testMachines, testRepository, type TestRepository } from "../../test/worlds/update/update-repository.ts";
import {
  extensionCertificatePath,
  extensionRelease,
  extensionReleasePath,
  extensionTarget,
} from "../../repo/extension.ts";
import { companionMirrorPath, type CompanionMirror } from "../containers/companions/companion-mirror.ts";
import { hostPath } from "../machine/system.ts";
import { shippedRootPath } from "../update/fetch/trusted-repository.ts";
import { fetchExtensions, sizeRefusal } from "./fetch-extensions.ts";
import { mergeExtensions } from "./merge-extensions.ts";
import { chosenPath, mountPoint, storeDirectory, storedPath } from "./places.ts";
import { chosenText, readLacking, readMerged, writeBootList } from "./records.ts";
import { standingsOf } from "./standing.ts";
import { verifiedImage } from "./verified-image.ts";

const signal = AbortSignal.timeout(600_000);
/** The version that the builds of these tests are for. */
const running = "0.2.0";
let world: ExtensionBuild;
let good: string;
let foreign: string;
let host: TestSystem;
let repository: TestRepository;

beforeAll(async () => {
  world = await extensionBuild();
  good = await world.extension("tools", { "usr/bin/tools": "ELF".repeat(40_000), "usr/lib/tools/data": "data" });
  foreign = await resigned(good, await strangersKey(world.directory), join(world.directory, "foreign"));
}, 120_000);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await host?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  repository = await testRepository();
  await repository.publish(running);
  host = await testSystem({ startsAt: new Date(Date.now() + 60 * 60_000) });
  await host.write(shippedRootPath, repository.rootJson);
  await host.write(`/${extensionCertificatePath}`, world.certificate);
  await runs(running);
  const { mirror } = repository;
  const file: CompanionMirror = { metadata: mirror.metadata.href, targets: mirror.targets.href, noProxy: [] };
  await host.write(companionMirrorPath, JSON.stringify(file));
});

async function runs(version: string): Promise<void> {
  const fields = { PRETTY_NAME: "Orlop", VARIANT_ID: testMachines.variant, VERSION_ID: version, BUILD_ID: "dafe3b16" };
  const lines = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  await host.write("/usr/lib/os-release", lines.join("\n"));
}
const choose = async (...names: string[]) => await host.write(chosenPath, chosenText(names));
const bootList = async (...names: string[]) => await writeBootList(host.system, names);
const offer = async (name: string, version: string, path: string) => {
  const target = { name: extensionTarget({ ...testMachines, version }, name), path };
  await addTarget(await repository.open(), testMachines, target, repository.signing());
};
const fetch = async (version = running): Promise<string[] | string> =>
  await fetchExtensions(host.system, version, signal).catch((error: unknown) => explain(error));
const stored = async (name: string, version = running): Promise<boolean> =>
  await Bun.file(hostPath(host.system, storedPath(version, name))).exists();
const gone = async () => await rm(repository.directory, { recursive: true });

/** Programs that mount, as far as they are seen from outside. */
function mounting(content: Readonly<Record<string, string>>): void {
  host.programs.set("losetup", (argv) => (argv.includes("--show") ? "/dev/loop7\n" : ""));
  host.programs.set("dmsetup", () => "");
  host.programs.set("systemctl", () => "");
  host.programs.set("umount", () => "");
  host.programs.set("mount", async (argv) => {
    if (!argv.includes("erofs")) return "";
    for (const [path, text] of Object.entries(content)) await Bun.write(join(argv.at(-1) ?? "", path), text);
    return "";
  });
}
const forHost = { variant: testMachines.variant, arch: "x86_64", version: running } as const;
const release = { [extensionReleasePath("tools")]: extensionRelease(forHost) };
const place = async (path: string, version = running, name = "tools") => {
  const target = hostPath(host.system, storedPath(version, name));
  await mkdir(dirname(target), { recursive: true });
  await copyFile(path, target);
  return target;
};

test("a file is verified to its last byte: whichever byte of a partition is changed, it is refused", async () => {
  const certificate = new X509Certificate(world.certificate);
  const image = await verifiedImage(good, certificate, signal);
  expect(image.rootHash).toMatch(/^[0-9a-f]{64}$/);
  const parts = tableEntries(await readFile(good));
  expect(parts.map(({ label }) => label)).toEqual(["extension", "extension-verity", "extension-verity-sig"]);
  const copy = join(world.directory, basename(good));
  for (const [index, { first, sectors, label }] of parts.entries()) {
    // The rest of the signature's partition is zeros behind its text.
    const last = index === 2 ? 100 : Math.min(sectors * 512, image.dataBlocks * 4096) - 1;
    for (const offset of [0, Math.trunc(last / 2), index === 1 ? 4096 + 5 : last]) {
      await copyFile(good, copy);
      await flipBit(copy, first * 512 + offset);
      const refused = await verifiedImage(copy, certificate, signal).then(
        () => `${label} was changed at ${offset} and accepted`,
        () => "refused",
      );
      expect(refused).toBe("refused");
    }
  }
}, 60_000);

test("one that fits into a single block is one too", async () => {
  const small = await world.extension("small", { "usr/bin/small": "x" });
  const { dataBlocks } = await verifiedImage(small, new X509Certificate(world.certificate), signal);
  expect(dataBlocks).toBe(2);
}, 30_000);

test("what is cut short, or has nothing of an extension, is refused as that", async () => {
  const certificate = new X509Certificate(world.certificate);
  const copy = join(world.directory, "short");
  await Bun.write(copy, await Bun.file(good).slice(0, 20_000).bytes());
  await expect(verifiedImage(copy, certificate, signal)).rejects.toThrow("it ends at ");
  await Bun.write(copy, Buffer.alloc(40_000));
  await expect(verifiedImage(copy, certificate, signal)).rejects.toMatchObject({ code: "no-partition-table" });
});

test("what is chosen comes from the repository once, and goes when it is chosen no more", async () => {
  await offer("tools", running, good);
  await choose("tools");
  expect(await fetch()).toEqual(["tools"]);
  expect(await readFile(hostPath(host.system, storedPath(running, "tools")))).toEqual(await readFile(good));
  await gone();
  expect(await fetch()).toEqual([]);
  await choose();
  expect(await fetch()).toEqual([]);
  expect(await stored("tools")).toBe(false);
}, 30_000);

test("one of another key is refused though the repository vouches for it, and is not fetched again", async () => {
  await offer("tools", running, foreign);
  await choose("tools");
  expect(await fetch()).toContain("it is signed by the key with the certificate");
  expect(await stored("tools")).toBe(false);
  const fetches = () => host.logged.filter((line) => line.includes("fetching")).length;
  expect(fetches()).toBe(1);
  expect(await fetch()).toContain("it is signed by the key with the certificate");
  expect(fetches()).toBe(1);
  // Until another one is offered.
  await offer("tools", running, good);
  expect(await fetch()).toEqual(["tools"]);
  expect(await readLacking(host.system)).toEqual([]);
}, 30_000);

test("one that nobody offers does not keep the others away", async () => {
  await offer("tools", running, good);
  await choose("tools", "unknown");
  expect(await fetch()).toContain(`cannot have unknown: the update repository does not have it for ${running}`);
  expect(await stored("tools")).toBe(true);
  expect(await readLacking(host.system)).toMatchObject([{ name: "unknown", version: running }]);
}, 30_000);

test("one that is too large, or for which there is no room, is refused before a byte of it is fetched", async () => {
  const gibibyte = 1024 ** 3;
  const tooLarge = sizeRefusal(1.5 * gibibyte, 100 * gibibyte);
  expect(tooLarge).toBe("it has 1.5 GiB, and an extension has at most 1.0 GiB");
  expect(sizeRefusal(gibibyte, 100 * gibibyte)).toBeUndefined();
  await offer("tools", running, good);
  await choose("tools");
  await mkdir(hostPath(host.system, storeDirectory), { recursive: true });
  host.spaces.set(storeDirectory, { device: 0, sizeBytes: gibibyte, availableBytes: 64 * 1024 * 1024 + 10_000 });
  expect(await fetch()).toMatch(
    /^cannot have tools: it has [0-9.]+ [KM]iB, and the data partition has room for 9.8 KiB/,
  );
  expect(host.logged.filter((line) => line.includes("fetching"))).toEqual([]);
  expect(await stored("tools")).toBe(false);
  // Once there is.
  host.spaces.delete(storeDirectory);
  expect(await fetch()).toEqual(["tools"]);
}, 60_000);

test("where the repository is away, what lacks is told with the reason, and what is there is used", async () => {
  await place(good);
  await gone();
  await choose("late", "tools");
  expect(await fetch()).toMatch(/^cannot have late: cannot /);
  const lacking = await readLacking(host.system);
  expect(lacking).toEqual([
    { name: "late", version: running, reason: expect.stringMatching(/^cannot read the update repository .*404$/) },
  ]);
  await bootList("late", "tools");
  mounting(release);
  const merged = await mergeExtensions(host.system, signal);
  expect(merged).toEqual([
    { name: "late", state: "absent" },
    { name: "tools", state: "active" },
  ]);
  const world = { bootList: ["late", "tools"], merged, lacking, missing: ["late"] };
  expect(standingsOf(["late", "tools"], world)).toMatchObject([{ state: "refused" }, { state: "active" }]);
}, 30_000);

test("the next version's come before it runs, and those of the version before stay for the way back", async () => {
  await offer("tools", running, good);
  // By a key that only the next version knows.
  await offer("tools", "0.3.0", foreign);
  await choose("tools");
  await fetch();
  expect(await fetch("0.3.0")).toEqual(["tools"]);
  await gone();
  await runs("0.3.0");
  expect(await fetch("0.3.0")).toEqual([]);
  expect([await stored("tools"), await stored("tools", "0.3.0")]).toEqual([true, true]);
  // A third takes the place of the first, as its set does.
  await place(good, "0.4.0");
  expect(await fetch("0.4.0")).toEqual([]);
  expect([await stored("tools"), await stored("tools", "0.3.0"), await stored("tools", "0.4.0")]).toEqual([
    false,
    true,
    true,
  ]);
}, 30_000);

test("it is opened under the root hash that was verified, and lies below the image", async () => {
  const file = await place(good);
  await bootList("tools");
  mounting({ ...release, "usr/lib/systemd/system/tools.service": "" });
  expect(await mergeExtensions(host.system, signal)).toEqual([{ name: "tools", state: "active" }]);
  const { rootHash, salt, dataBlocks, dataOffset, hashOffset } = await verifiedImage(
    good,
    new X509Certificate(world.certificate),
    signal,
  );
  const hashStart = (hashOffset - dataOffset) / 4096 + 1;
  const table = `0 ${dataBlocks * 8} verity 1 /dev/loop7 /dev/loop7 4096 4096 ${dataBlocks} ${hashStart} sha256 ${rootHash} ${salt}`;
  expect(host.ran).toEqual([
    `losetup --read-only --find --show --offset=${dataOffset} ${file}`,
    `dmsetup create extension-tools --readonly --noudevsync --noudevrules --verifyudev --table ${table}`,
    `mount -t erofs -o ro,nodev /dev/mapper/extension-tools ${hostPath(host.system, mountPoint("tools"))}`,
    `mount -t overlay -o ro,nodev,redirect_dir=off,metacopy=off,lowerdir=/usr:${mountPoint("tools")}/usr extensions /usr`,
    "systemctl daemon-reload",
  ]);
  expect(await readMerged(host.system)).toEqual([{ name: "tools", state: "active" }]);
  expect((await stat(file)).size).toBe((await stat(good)).size);
});

test.each([
  [
    "another version",
    extensionRelease({ ...forHost, version: "0.1.0" }),
    "made for VERSION_ID 0.1.0, and this host has 0.2.0",
  ],
  ["another variant", extensionRelease({ ...forHost, variant: "metal-dev" }), "made for VARIANT_ID metal-dev"],
  [
    "any version of a level, as systemd-sysext has it,",
    extensionRelease(forHost).replace("VERSION_ID=0.2.0", "SYSEXT_LEVEL=1"),
    "made for VERSION_ID unsaid, and this host has 0.2.0",
  ],
  ["another system", extensionRelease(forHost).replace("ID=orlop", "ID=debian"), "made for ID debian"],
  ["another architecture", extensionRelease({ ...forHost, arch: "aarch64" }), "made for ARCHITECTURE arm64"],
])("one that was made for %s is closed again, with the reason", async (_, text, reason) => {
  await place(good);
  await bootList("tools");
  mounting({ [extensionReleasePath("tools")]: text });
  expect(await mergeExtensions(host.system, signal)).toEqual([
    { name: "tools", state: "refused", reason: expect.stringContaining(reason) },
  ]);
  expect(host.ran.map((line) => line.split(" ").slice(0, 2).join(" ")).slice(-3)).toEqual([
    `umount ${hostPath(host.system, mountPoint("tools"))}`,
    "dmsetup remove",
    "losetup --detach",
  ]);
});

test("one that holds more than /usr, or is called otherwise, is refused", async () => {
  await place(good);
  await bootList("tools");
  mounting({ ...release, "etc/passwd": "" });
  expect(await mergeExtensions(host.system, signal)).toMatchObject([
    { reason: expect.stringContaining("it holds /etc, which is outside /usr") },
  ]);
  await rm(hostPath(host.system, mountPoint("tools")), { recursive: true });
  await place(good, running, "other-name");
  await bootList("other-name");
  mounting(release);
  expect(await mergeExtensions(host.system, signal)).toMatchObject([
    { reason: expect.stringContaining(`it has no /${extensionReleasePath("other-name")}`) },
  ]);
});

test("one of another key and one that was changed are refused at boot too, and nothing is mounted", async () => {
  await bootList("changed", "foreign", "absent");
  await place(foreign, running, "foreign");
  const changed = await place(good, running, "changed");
  const [data] = tableEntries(await readFile(good));
  await flipBit(changed, (data?.first ?? 0) * 512 + 2_000);
  mounting(release);
  expect(await mergeExtensions(host.system, signal)).toEqual([
    { name: "changed", state: "refused", reason: expect.stringContaining("differs from its hash") },
    {
      name: "foreign",
      state: "refused",
      reason: expect.stringContaining("it is signed by the key with the certificate"),
    },
    { name: "absent", state: "absent" },
  ]);
  expect(host.ran).toEqual([]);
});

test("what this boot did not come to is noted with the reason, and nobody waits for it", async () => {
  await place(good);
  await bootList("tools");
  mounting(release);
  await expect(mergeExtensions(host.system, AbortSignal.abort(new Error("too late")))).rejects.toThrow("too late");
  expect(await readMerged(host.system)).toEqual([
    { name: "tools", state: "refused", reason: "this boot has not come to it: too late" },
  ]);
});

test("where the layers cannot be joined, none of them is told to be in /usr", async () => {
  await place(good);
  await bootList("absent", "tools");
  mounting(release);
  const mount = host.programs.get("mount");
  host.programs.set("mount", async (argv, options) => {
    if (argv.includes("overlay")) throw new Failure("exit-status", "cannot run mount: exit code 32");
    return (await mount?.(argv, options)) ?? "";
  });
  expect(await mergeExtensions(host.system, signal)).toEqual([
    { name: "absent", state: "absent" },
    { name: "tools", state: "refused", reason: "cannot run mount: exit code 32" },
  ]);
  expect(host.ran).not.toContain("systemctl daemon-reload");
});
