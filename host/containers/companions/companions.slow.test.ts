/**
 * Protects: the images that come with the OS run without a registry, are what was signed, and are there when the repository
 * is not. A real containerd takes them in, from a real signed repository.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explain } from "../../../lib/failure.ts";
import { testContainerd, type TestContainerd } from "../../../test/worlds/containers/containerd.ts";
import { busyboxArchive } from "../../../test/worlds/containers/oci-image.ts";
import { compileMs } from "../../../test/worlds/containers/runtime.ts";
import { testSystem, type TestSystem } from "../../../test/worlds/host/system.ts";
import { testMachines, testRepository, type TestRepository } from "../../../test/worlds/update/update-repository.ts";
import { shippedRootPath } from "../../update/fetch/trusted-repository.ts";
import { hostPath } from "../../machine/system.ts";
import { snapshotter } from "../containerd/containerd.ts";
import type { PulledImage } from "../image.ts";
import { bringCompanion } from "./bring-companion.ts";
import { companionCopyPath } from "./companion.ts";
import { companionMirrorPath, type CompanionMirror } from "./companion-mirror.ts";
import { fetchCompanion } from "./fetch-companions.ts";

const signal = AbortSignal.timeout(compileMs);
let directory: string;
let world: TestContainerd;
let host: TestSystem;
let repository: TestRepository;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "companions-"));
  world = await testContainerd("companions");
  for (const name of ["first", "second"]) {
    await busyboxArchive(archive(name), { entrypoint: ["/bin/sh"], files: { "/which": name } });
  }
}, compileMs);
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** A host of 0.1.0, whose containerd has nothing yet. */
beforeEach(async () => {
  const { images } = world.containerd;
  for (const { name } of (await images.list({})).images) await images.delete({ name, sync: true });
  await host?.[Symbol.asyncDispose]();
  await repository?.[Symbol.asyncDispose]();
  repository = await testRepository();
  // Later than its image was built.
  host = await testSystem({ startsAt: new Date(Date.now() + 60 * 60_000) });
  await host.write(shippedRootPath, repository.rootJson);
  await runs("0.1.0");
  const { mirror } = repository;
  const file: CompanionMirror = { metadata: mirror.metadata.href, targets: mirror.targets.href, noProxy: [] };
  await host.write(companionMirrorPath, JSON.stringify(file));
});

const archive = (name: string): string => join(directory, `${name}.tar`);

async function runs(version: string, build = "dafe3b16"): Promise<void> {
  const fields = { PRETTY_NAME: "Orlop", VARIANT_ID: testMachines.variant, VERSION_ID: version, BUILD_ID: build };
  const lines = Object.entries(fields).map(([name, value]) => `${name}="${value}"`);
  await host.write("/usr/lib/os-release", lines.join("\n"));
}

const work = () => ({ system: host.system, containerd: world.containerd });
const fetch = async (version = "0.1.0") => await fetchCompanion(work(), "admin", version, signal);
const bring = async () => await bringCompanion(work(), "admin", signal);
const names = async () => (await world.containerd.images.list({})).images.map(({ name }) => name).toSorted();
/** What the image has in it. */
const contentOf = async ({ chain }: PulledImage): Promise<string> => {
  const key = randomUUID();
  // Nothing else keeps it from being collected as garbage meanwhile.
  const labels = { "containerd.io/gc.root": "test" };
  const { mounts } = await world.containerd.snapshots.prepare({ snapshotter, key, parent: chain, labels });
  const layer = mounts.flatMap(({ options }) => options).find((option) => option.startsWith("lowerdir="));
  const path = layer?.replace("lowerdir=/var/lib/host-containerd", join(world.directory, "data")) ?? "";
  const content = await readFile(join(path, "which"), "utf8");
  await world.containerd.snapshots.remove({ snapshotter, key });
  return content;
};
const gone = async (): Promise<void> => await rm(repository.directory, { recursive: true });
const refusal = async (brought: Promise<unknown>): Promise<string> =>
  await brought.then(
    () => "it was brought",
    (error: unknown) => explain(error),
  );

test("the image of the version that runs comes from the update repository, unpacked, once", async () => {
  await repository.publish("0.1.0", { companions: { admin: archive("first") } });
  expect(await refusal(bring())).toContain("cannot get the image admin that comes with 0.1.0");
  expect(await fetch()).toBe(true);
  const image = await bring();
  expect(image.config.Entrypoint).toEqual(["/bin/sh"]);
  expect(await contentOf(image)).toBe("first");
  expect(await names()).toEqual(["orlop.local/admin:0.1.0"]);
  expect(await readdir(hostPath(host.system, "/var/cache/orlop"))).toEqual([]);
  await gone();
  expect(await fetch()).toBe(false);
  expect((await bring()).digest).toBe(image.digest);
});

test("that of the next version is there before it runs, and going back finds the one before", async () => {
  await repository.publish("0.1.0", { companions: { admin: archive("first") } });
  await repository.publish("0.2.0", { companions: { admin: archive("second") } });
  await fetch();
  await fetch("0.2.0");
  await gone();
  expect(await contentOf(await bring())).toBe("first");
  await runs("0.2.0");
  expect(await contentOf(await bring())).toBe("second");
  await runs("0.1.0");
  expect(await contentOf(await bring())).toBe("first");
});

test("a copy in the image of the OS is taken without a repository, and again after another build", async () => {
  await gone();
  const copy = hostPath(host.system, companionCopyPath("admin"));
  await mkdir(join(copy, ".."), { recursive: true });
  await cp(archive("first"), copy);
  expect(await fetch()).toBe(false);
  expect(await contentOf(await bring())).toBe("first");
  await cp(archive("second"), copy);
  expect(await contentOf(await bring())).toBe("first");
  await runs("0.1.0", "deba881e");
  expect(await contentOf(await bring())).toBe("second");
});

test("where the one of this version cannot be had, that of another is used, and it is said", async () => {
  await repository.publish("0.1.0", { companions: { admin: archive("first") } });
  await fetch();
  await runs("0.2.0");
  expect(await refusal(fetch("0.2.0"))).toContain("the update repository does not have this version");
  expect(await contentOf(await bring())).toBe("first");
  expect(host.logged.join("\n")).toContain("cannot get orlop.local/admin:0.2.0, so orlop.local/admin:0.1.0 is used");
});

test("what cannot be had is refused with the reason: no version, no such image, nothing of the kind that was signed", async () => {
  await repository.publish("0.3.0");
  expect(await refusal(fetch())).toContain("the update repository does not have this version");
  await repository.publish("0.1.0", { companions: { control: archive("first") } });
  expect(await refusal(fetch())).toContain("the update repository has the version without it");
  await repository.publish("0.2.0", { companions: { admin: archive("second") } });
  await runs("0.2.0");
  const targets = join(repository.directory, "targets");
  const stored = (await readdir(targets)).find((name) => name.endsWith("0.2.0-admin.oci.tar")) ?? "";
  const bytes = await readFile(join(targets, stored));
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await writeFile(join(targets, stored), bytes);
  expect(await refusal(fetch("0.2.0"))).toContain("it is not what was signed");
  expect(await names()).toEqual([]);
  await host.write(companionMirrorPath, JSON.stringify({ noProxy: [] }));
  expect(await refusal(fetch())).toContain("settings.updates does not say where it is");
});

test("what is signed and is no image is refused by containerd, and nothing has its name", async () => {
  const nonsense = join(directory, "nonsense.tar");
  await writeFile(nonsense, Buffer.alloc(200_000, "no image"));
  await repository.publish("0.1.0", { companions: { admin: nonsense } });
  expect(await refusal(fetch())).toContain("containerd does not take");
  expect(await names()).toEqual([]);
});
