/** The locks move against a mirror that runs here, signed by an archive whose key is made here. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCleartextMessage, generateKey, type PrivateKey, readKey, sign } from "openpgp";
import { run } from "../../lib/program/process.ts";
import type { Variant } from "../../variants/variant.ts";
import * as lists from "./base.ts";
import { lockPath, packagesOf, readLock } from "./lock.ts";
import { updateLock } from "./update-lock.ts";

const everyName = [
  ...Object.values(lists),
  lists.compilerPackages("x86_64"),
  lists.compilerPackages("aarch64"),
].flatMap((list) => (typeof list === "object" ? Object.keys(list) : []));
const kernels = ["image", "headers"].flatMap((part) =>
  ["amd64", "cloud-amd64", "arm64", "cloud-arm64"].map((flavour) => `linux-${part}-${flavour}`),
);
const hourMs = 60 * 60 * 1000;

const variant: Variant = {
  name: "small",
  summary: "a test",
  platform: "qemu",
  orchestrator: { kind: "none" },
  architectures: ["x86_64"],
  kernel: "cloud",
  programs: {},
  packages: ["bash"],
  interactive: true,
  groups: [],
  defaults: {},
  kernelParameters: [],
  userData: [],
};

let scratch: string;
let key: PrivateKey;
let fingerprint: string;
let server: Bun.Server<undefined>;
let files: Map<string, Uint8Array | string>;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "lock-"));
  const pair = await generateKey({ userIDs: [{ name: "archive" }], date: new Date(0), format: "object" });
  key = pair.privateKey;
  fingerprint = pair.publicKey.getFingerprint();
  await mkdir(join(scratch, "keyrings"));
  const armored = pair.publicKey.armor();
  const binary = (await readKey({ armoredKey: armored })).write();
  await writeFile(join(scratch, "keyrings/debian-archive-trixie-stable.gpg"), binary);
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) => {
      const file = files.get(new URL(url).pathname);
      return file === undefined ? new Response("not here", { status: 404 }) : new Response(file);
    },
  });
});
afterAll(async () => {
  await server.stop(true);
  await rm(scratch, { recursive: true });
});
beforeEach(async () => {
  files = new Map();
  await rm(join(scratch, "cache"), { recursive: true, force: true });
  await rm(join(scratch, "repository"), { recursive: true, force: true });
  const packages = [...new Set([...everyName, ...kernels])].map((name) => entry(name, "1"));
  await publish("debian/dists/trixie", packages);
  await publish("debian/dists/trixie-updates", []);
  await publish("debian-security/dists/trixie-security", []);
});

function entry(name: string, version: string, ...fields: readonly string[]): string {
  const sha256 = createHash("sha256").update(`${name} ${version}`).digest("hex");
  const place = [`Filename: pool/main/${name}_${version}_all.deb`, "Size: 1", `SHA256: ${sha256}`];
  return [`Package: ${name}`, `Version: ${version}`, "Architecture: all", ...place, ...fields, ""].join("\n");
}

/** Puts a signed suite on the mirror, with the same packages for each architecture. */
async function publish(path: string, packages: readonly string[], made = new Date(Date.now() - hourMs)) {
  const plain = join(scratch, "Packages");
  await writeFile(plain, packages.join("\n"));
  await run(["xz", "--force", "--keep", "-0", plain]);
  const index = await Bun.file(`${plain}.xz`).bytes();
  const sha256 = createHash("sha256").update(index).digest("hex");
  const lines = ["amd64", "arm64"].map((name) => ` ${sha256} ${index.length} main/binary-${name}/Packages.xz`);
  for (const name of ["amd64", "arm64"]) files.set(`/${path}/main/binary-${name}/by-hash/SHA256/${sha256}`, index);
  const suite = path.slice(path.lastIndexOf("/") + 1);
  const text = [`Codename: ${suite}`, `Date: ${made.toUTCString()}`, "SHA256:", ...lines, ""].join("\n");
  const message = await createCleartextMessage({ text });
  files.set(`/${path}/InRelease`, await sign({ message, signingKeys: key }));
}

function update() {
  return updateLock(["x86_64", "aarch64"], {
    variants: [variant],
    mirror: new URL("debian", server.url).href,
    cache: join(scratch, "cache"),
    keyrings: { directory: join(scratch, "keyrings"), fingerprints: new Set([fingerprint]) },
    repository: join(scratch, "repository"),
  });
}

function locked(architecture: "x86_64" | "aarch64") {
  return readLock(architecture, lockPath(architecture, join(scratch, "repository")));
}

test("the locks hold the closure of every set, and no address", async () => {
  await update();
  const lock = await locked("x86_64");
  expect(packagesOf(lock, ["small"]).map(({ name }) => name)).toEqual(["bash"]);
  expect(packagesOf(lock, ["kernel-cloud"]).map(({ name }) => name)).toEqual(["linux-image-cloud-amd64"]);
  expect((await locked("aarch64")).sets).not.toHaveProperty("small");
  expect(await Bun.file(lockPath("x86_64", join(scratch, "repository"))).text()).not.toContain("127.0.0.1");
});

test("the same archive gives the same bytes", async () => {
  await update();
  const before = await Bun.file(lockPath("x86_64", join(scratch, "repository"))).text();
  expect(await update()).toEqual([]);
  expect(await Bun.file(lockPath("x86_64", join(scratch, "repository"))).text()).toBe(before);
});

test("a security update moves the lock and is told", async () => {
  await update();
  await publish("debian-security/dists/trixie-security", [entry("systemd", "1+deb13u1", "Source: src (2)")]);
  expect(await update()).toEqual(["x86_64: systemd 1 -> 1+deb13u1", "aarch64: systemd 1 -> 1+deb13u1"]);
  expect(packagesOf(await locked("x86_64"), ["base"]).find(({ name }) => name === "systemd")).toMatchObject({
    archive: "debian-security",
    source: "src",
    sourceVersion: "2",
  });
});

test("a mirror that serves an older release than the lock's is refused", async () => {
  await update();
  await publish("debian-security/dists/trixie-security", [], new Date(Date.now() - 48 * hourMs));
  await expect(update()).rejects.toMatchObject({ code: "stale-mirror" });
});

test("an index that does not have the signed hash is refused, and the locks stay", async () => {
  await update();
  const before = await locked("x86_64");
  await publish("debian-security/dists/trixie-security", [entry("systemd", "2")]);
  for (const [path, content] of files) {
    if (path.startsWith("/debian-security/") && path.includes("by-hash")) files.set(path, "x".repeat(content.length));
  }
  await rm(join(scratch, "cache"), { recursive: true });
  await expect(update()).rejects.toMatchObject({ code: "download" });
  expect(await locked("x86_64")).toEqual(before);
});

test("a mirror without by-hash is used by plain names", async () => {
  for (const [path, content] of new Map(files)) {
    if (!path.includes("/by-hash/")) continue;
    files.delete(path);
    files.set(path.replace(/\/by-hash\/.*/, "/Packages.xz"), content);
  }
  await update();
  expect((await locked("aarch64")).packages.length).toBeGreaterThan(20);
});

test("a release file that was changed on the way is refused", async () => {
  const path = "/debian/dists/trixie-updates/InRelease";
  files.set(path, String(files.get(path)).replace("trixie-updates", "trixie-updatez"));
  await expect(update()).rejects.toMatchObject({ code: "bad-signature" });
});

test("a package that the archive lacks is named", async () => {
  const without = [...new Set([...everyName, ...kernels])].filter((name) => name !== "libseccomp2");
  await publish(
    "debian/dists/trixie",
    without.map((name) => entry(name, "1")),
  );
  await expect(update()).rejects.toThrow("no package libseccomp2, which is asked for by name");
});
