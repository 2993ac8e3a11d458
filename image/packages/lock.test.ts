import { expect, test } from "bun:test";
import { architectures } from "../../variants/variant.ts";
import { formatLock, type Lock, packagesOf, parseLock, readLock } from "./lock.ts";

const lock: Lock = {
  format: 1,
  architecture: "aarch64",
  date: "2026-01-02T03:04:05Z",
  suites: { trixie: "2026-01-01T00:00:00Z", "trixie-security": "2026-01-02T03:04:05Z" },
  sets: { base: ["a", "b"], dev: ["c"], empty: [] },
  packages: ["a", "b", "c"].map((name) => ({
    name,
    version: "1",
    section: "admin",
    source: name,
    archive: "debian",
    path: `pool/main/${name}.deb`,
    bytes: 10,
    sha256: "0".repeat(64),
  })),
};

test("a lock reads back as it was written, a package a line", () => {
  const text = formatLock(lock);
  expect(parseLock(text, "lock")).toEqual(lock);
  expect(text.split("\n").filter((line) => line.includes('"version"')).length).toBe(3);
});

test("sets are united, each package once", () => {
  expect(packagesOf(lock, ["dev", "base", "base"]).map(({ name }) => name)).toEqual(["a", "b", "c"]);
  expect(packagesOf(lock, ["empty"])).toEqual([]);
});

test("a set that the lock lacks is an error that names it and the remedy", () => {
  expect(() => packagesOf(lock, ["metal"])).toThrow("cannot find the packages of metal in the lock for aarch64");
});

test.each([
  ["no JSON", "{", "cannot read the lock"],
  ["another format", formatLock(lock).replace('"format": 1', '"format": 2'), "format"],
  ["a path outside the pool", formatLock(lock).replace("pool/main/a.deb", "pool/../../x"), "path"],
  ["a set with an unknown package", formatLock(lock).replace('"c"', '"z"'), "set dev has z"],
])("%s is refused", (_, text, says) => {
  expect(() => parseLock(text, "the lock")).toThrow(says);
});

test.each(architectures)("the committed lock of %s has what every image needs", async (architecture) => {
  const committed = await readLock(architecture);
  expect(committed.architecture).toBe(architecture);
  for (const set of ["base", "boot", "kernel-cloud", "kernel-generic", "tools"]) {
    expect(packagesOf(committed, [set]).length).toBeGreaterThan(0);
  }
  const names = new Set(packagesOf(committed, ["base", "kernel-generic"]).map(({ name }) => name));
  for (const absent of ["bash", "dash", "dpkg", "perl-base", "python3", "mawk"]) expect(names).not.toContain(absent);
});
