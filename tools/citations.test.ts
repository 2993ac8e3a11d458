/** Comments and pages cite only what a reader has: files of this repository, and documents that are published. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const repository = join(import.meta.dir, "..");
const folders =
  "{lib,settings,variants,api,repo,kubernetes,host,programs,image,publish,vm,cluster,cli,os,test,bench,tools,docs}";

/** Numbers of sections of documents that nobody but their author has. */
const ofUnpublished = /\bdesign (?:section|document|§|\d)|\breference \d+(?:\.\d+)+|\breview (?:section|§)/i;
/** Pages of ours. Those that others publish are named with their project or as addresses. */
const ofOurs = /(?<![\w/.'-])docs\/(?:decisions\/)?[\w-]+\.(?:md|json)/g;
const ofUpstream = /(?:'s|https?:\S*|[\w.-]+\/[\w.-]+(?: at \S+)?:?) docs\//;

const isComment = /^\s*(?:\/\/|\/?\*|#)/;

/** What a text cites that a reader does not have. */
function missing(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    const unpublished = ofUnpublished.exec(line);
    if (unpublished !== null) return [unpublished[0]];
    if (ofUpstream.test(line)) return [];
    return [...line.matchAll(ofOurs)].flatMap(([path]) => (existsSync(join(repository, path)) ? [] : [path]));
  });
}

test("no comment and no page cites what is not there", async () => {
  const files = [...new Bun.Glob(`${folders}/**/*.{ts,md,service,conf,toml}`).scanSync(repository), "README.md"];
  const found: string[] = [];
  for (const file of [...files, "ARCHITECTURE.md"].filter((name) => name !== "tools/citations.test.ts")) {
    found.push(...missing(await readFile(join(repository, file), "utf8")).map((citation) => `${file}: ${citation}`));
  }
  expect(files.length).toBeGreaterThan(500);
  expect(found).toEqual([]);
});

/** Paths from the root of the repository or the folder of a page, in words or in a picture, that lead nowhere. */
function leadingNowhere(page: string, text: string): string[] {
  const ours = new RegExp(`(?<![\\w/.:~@-])(?:${folders.slice(1, -1).replaceAll(",", "|")})/[\\w@./-]*`, "g");
  return [...text.matchAll(ours)]
    .map(([path]) => path.replace(/[.-]+$/, ""))
    .filter((path) => [repository, join(repository, dirname(page))].every((from) => !existsSync(join(from, path))));
}

/** Links, and paths that climb, from the folder of a page. */
function linkedNowhere(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\((?![a-z]+:|NNNN-)([^)#\s]+)[^)]*\)|`(\.\.\/[\w@./-]+)`/g)];
  return links
    .map(([, link, path]) => link ?? path ?? "")
    .filter((path) => !existsSync(join(repository, dirname(page), path)));
}

/** Modules that the page of a folder names, from there or from the root. */
function modulesNowhere(page: string, text: string): string[] {
  if (dirname(page) === "." || !page.endsWith("/README.md")) return [];
  const modules = [...text.matchAll(/[\w@./-]+\.ts\b/g)].map(([path]) => path);
  return modules.filter((path) =>
    [repository, join(repository, dirname(page))].every((from) => !existsSync(join(from, path))),
  );
}

test("every path on a page leads somewhere", async () => {
  const pages = ["README.md", "ARCHITECTURE.md", ...new Bun.Glob(`${folders}/**/*.md`).scanSync(repository)];
  const found: string[] = [];
  for (const page of pages) {
    const text = await readFile(join(repository, page), "utf8");
    found.push(
      ...[...leadingNowhere(page, text), ...linkedNowhere(page, text), ...modulesNowhere(page, text)].map(
        (path) => `${page}: ${path}`,
      ),
    );
  }
  expect(pages.length).toBeGreaterThan(60);
  expect(found).toEqual([]);
});

test("every module that a comment names is there", async () => {
  const files = [...new Bun.Glob(`${folders}/**/*.{ts,service,socket,target,conf}`).scanSync(repository)];
  const found: string[] = [];
  for (const file of files) {
    const comments = (await readFile(join(repository, file), "utf8"))
      .split("\n")
      .filter((line) => isComment.test(line));
    const modules = leadingNowhere(file, comments.join("\n")).filter((path) => path.endsWith(".ts"));
    found.push(...modules.map((path) => `${file}: ${path}`));
  }
  expect(files.length).toBeGreaterThan(500);
  expect(found).toEqual([]);
});

test("a path that leads nowhere is seen, and one of another project is left alone", () => {
  expect(leadingNowhere("README.md", "hostd ─▶ host/hostd.ts, then `host/daemon/hostd.ts`.")).toEqual([
    "host/hostd.ts",
  ]);
  expect(leadingNowhere("README.md", "image/nowhere/ and (lib/clock.ts)")).toEqual(["image/nowhere/"]);
  expect(linkedNowhere("docs/api.md", "[a](settings.md#x) [b](gone.md) `../gone.ts` [c](https://x.org/y)")).toEqual([
    "gone.md",
    "../gone.ts",
  ]);
  expect(modulesNowhere("host/update/README.md", "mirror.ts, `fetch/mirror.ts`, lib/clock.ts")).toEqual(["mirror.ts"]);
  expect(
    leadingNowhere("README.md", "http://host/settings, sources/api/x, /host/y, bottlerocket-os/bottlerocket"),
  ).toEqual([]);
});

test("a citation of a document outside is seen, in whatever form", () => {
  expect(
    missing("sizes (design section 3)\nturns (design 2.5)\nthe states (reference 6.5)\nreference 9.5 has them"),
  ).toHaveLength(4);
  expect(missing("see docs/decisions/9999-nothing.md")).toEqual(["docs/decisions/9999-nothing.md"]);
  expect(missing("Source: distribution's docs/spec/auth/token.md, RFC 9110 §14, systemd.unit(5)")).toEqual([]);
});
