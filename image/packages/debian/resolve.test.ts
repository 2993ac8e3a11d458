import { expect, test } from "bun:test";
import { indexOf, type Package, readPackages } from "./package-index.ts";
import { resolve } from "./resolve.ts";

/** An index from lines like those of a `Packages` file: "name version; Depends: …; Provides: …". */
function index(...lines: readonly string[]) {
  const text = lines.map((line, at) => {
    const [head = "", ...fields] = line.split(";").map((part) => part.trim());
    const [name = "", version = "1"] = head.split(" ");
    const sha256 = at.toString(16).padStart(64, "0");
    const architecture = fields.some((field) => field.startsWith("Architecture:")) ? [] : ["Architecture: amd64"];
    const place = [`Filename: pool/${name}_${version}.deb`, "Size: 1", `SHA256: ${sha256}`];
    return [`Package: ${name}`, `Version: ${version}`, ...architecture, ...place, ...fields].join("\n");
  });
  return indexOf(readPackages(text.join("\n\n"), "debian", "test index"));
}

function names(
  from: ReturnType<typeof index>,
  wanted: readonly string[],
  excluded: readonly string[] = [],
  present: readonly Package[] = [],
): string[] {
  return resolve(from, { wanted, excluded: new Set(excluded), present }).map(({ name }) => name);
}

test("Depends and Pre-Depends are followed, Recommends are not, and cycles end", () => {
  const from = index("a; Depends: b", "b; Pre-Depends: c; Recommends: d", "c; Depends: a", "d");
  expect(names(from, ["a"])).toEqual(["a", "b", "c"]);
});

test("the newest version over the suites counts", () => {
  const from = index("a 1.9", "a 1.10~rc1", "a 1.10", "a 1.2");
  expect(resolve(from, { wanted: ["a"], excluded: new Set() })).toMatchObject([{ version: "1.10" }]);
});

test("of alternatives the first that can be had is taken", () => {
  expect(names(index("a; Depends: b | c", "b", "c"), ["a"])).toEqual(["a", "b"]);
  expect(names(index("a; Depends: b | c", "c"), ["a"])).toEqual(["a", "c"]);
  expect(names(index("a; Depends: b (>= 2) | c", "b 1", "c"), ["a"])).toEqual(["a", "c"]);
});

test("an alternative that is wanted by name keeps the others out", () => {
  expect(names(index("a; Depends: b | c", "b", "c"), ["a", "c"])).toEqual(["a", "c"]);
});

test("a virtual package is met by a provider, first by priority, then by name", () => {
  const from = index(
    "a; Depends: mta",
    "big-mta; Provides: mta; Priority: optional",
    "tiny-mta; Provides: mta; Priority: important",
    "another-mta; Provides: mta; Priority: optional",
  );
  expect(names(from, ["a"])).toEqual(["a", "tiny-mta"]);
  expect(names(from, ["a", "another-mta"])).toEqual(["a", "another-mta"]);
});

test("a versioned dependency is met only by a versioned Provides", () => {
  const from = index("a; Depends: v (>= 2)", "plain; Provides: v", "old; Provides: v (= 1)", "new; Provides: v (= 2)");
  expect(names(from, ["a"])).toEqual(["a", "new"]);
});

test("name:any asks for a package that allows it", () => {
  const allowed = index("a; Depends: python3:any", "python3; Multi-Arch: allowed");
  expect(names(allowed, ["a"])).toEqual(["a", "python3"]);
  const refused = index("a; Depends: python3:any", "python3; Multi-Arch: no");
  expect(() => names(refused, ["a"])).toThrow("nothing satisfies python3:any");
});

test("packages for all architectures are like any other", () => {
  expect(names(index("a; Depends: data", "data; Architecture: all"), ["a"])).toEqual(["a", "data"]);
});

test("what is excluded is left out with what only it needs, and not replaced by the next alternative", () => {
  const from = index(
    "a; Depends: debconf | debconf-2.0, b",
    "debconf; Depends: perl",
    "perl",
    "b",
    "cdebconf; Provides: debconf-2.0",
  );
  expect(names(from, ["a"], ["debconf"])).toEqual(["a", "b"]);
});

test("what is wanted by name stays though it is excluded", () => {
  expect(names(index("a; Depends: bash", "bash"), ["a", "bash"], ["bash"])).toEqual(["a", "bash"]);
});

test("what is given before is neither chosen again nor replaced by another alternative", () => {
  const from = index("base; Depends: c", "a; Depends: b | c", "b", "c");
  const present = resolve(from, { wanted: ["base"], excluded: new Set() });
  expect(names(from, ["a"], [], present)).toEqual(["a"]);
});

test("an error names every missing package and who wants it, all the way", () => {
  const from = index("a; Depends: b", "b 3-1; Depends: gone (>= 2), c (>= 2)", "c 1");
  expect(() => names(from, ["a", "lost"])).toThrow(
    "cannot resolve packages: no package lost, which is asked for by name; " +
      "nothing satisfies gone (>= 2), wanted by b 3-1, wanted by a; " +
      "nothing satisfies c (>= 2) (c is 1), wanted by b 3-1, wanted by a",
  );
});

test("packages that exclude each other are refused, in the versions that do", () => {
  expect(() => names(index("a; Conflicts: b (<< 2)", "b 1"), ["a", "b"])).toThrow(
    "cannot install a 1 with b 1: a conflicts with b (<< 2)",
  );
  expect(names(index("a; Breaks: b (<< 2)", "b 2"), ["a", "b"])).toEqual(["a", "b"]);
});

test("a package that conflicts with what it provides wants to be its only provider", () => {
  const provider = "one; Provides: mta; Conflicts: mta";
  expect(names(index(provider), ["one"])).toEqual(["one"]);
  expect(() => names(index(provider, "two; Provides: mta"), ["one", "two"])).toThrow("one 1 with two 1");
});

test("an index entry without a hash, or with a path outside the pool, is refused", () => {
  expect(() => [...readPackages("Package: a\nVersion: 1\n", "debian", "the index")]).toThrow(
    "cannot read the index: package a has no sha256",
  );
  const outside = "Package: a\nVersion: 1\nArchitecture: all\nSize: 1\nFilename: pool/../x.deb\n";
  expect(() => [...readPackages(`${outside}SHA256: ${"0".repeat(64)}\n`, "debian", "the index")]).toThrow(
    "package a has sha256",
  );
});
