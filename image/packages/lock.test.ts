import { describe, expect, test } from "bun:test";
import { variants } from "../../variants/all.ts";
import { architectures } from "../../variants/variant.ts";
import {
  aarch64ToolPackages,
  basePackages,
  bootPackages,
  headerPackages,
  initrdPackages,
  kernelPackages,
  modulePackages,
  toolPackages,
} from "./base.ts";
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
])("%s is refused", (_, text, message) => {
  expect(() => parseLock(text, "the lock")).toThrow(message);
});

describe.each(architectures)("the committed lock of %s", (architecture) => {
  test("has every package that the lists and the variants name; if not, run `./orlop build --update-lock`", async () => {
    const lock = await readLock(architecture);
    expect(lock.architecture).toBe(architecture);
    const buildable = [...variants.values()].filter(
      (variant) => variant.lacks === undefined && variant.architectures.includes(architecture),
    );
    const lists: [sets: string[], names: readonly string[]][] = [
      [["base"], Object.keys(basePackages)],
      [["boot"], Object.keys(bootPackages)],
      [["initrd"], Object.keys(initrdPackages)],
      [["tools"], Object.keys(toolPackages)],
      [["tools", "tools-aarch64"], Object.keys(aarch64ToolPackages)],
      [["kernel-cloud"], [kernelPackages.cloud(architecture)]],
      [["kernel-generic"], [kernelPackages.generic(architecture)]],
      [["modules-cloud"], [...Object.keys(modulePackages), headerPackages.cloud(architecture)]],
      [["modules-generic"], [...Object.keys(modulePackages), headerPackages.generic(architecture)]],
      ...buildable.map(({ name, packages }): [string[], readonly string[]] => [["base", name], packages]),
    ];
    for (const [sets, names] of lists) {
      const locked = new Set(packagesOf(lock, sets).map(({ name }) => name));
      expect(names.filter((name) => !locked.has(name))).toEqual([]);
    }
  });

  test("keeps shells, interpreters and the package manager out of the base", async () => {
    const names = new Set(packagesOf(await readLock(architecture), ["base", "kernel-generic"]).map(({ name }) => name));
    for (const absent of ["bash", "dash", "dpkg", "perl-base", "python3", "mawk", "busybox"]) {
      expect(names).not.toContain(absent);
    }
  });
});
