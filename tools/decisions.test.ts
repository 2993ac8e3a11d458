import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { problemsOfIndex, problemsOfPages, wrongCitations } from "./decisions.ts";

const repository = join(import.meta.dir, "..");
const folder = join(repository, "docs/decisions");
const names = [...new Bun.Glob("[0-9]*.md").scanSync(folder)].toSorted();
const pages = new Map<string, string>();
for (const name of names) pages.set(name, await readFile(join(folder, name), "utf8"));

test("decisions have numbers without gaps, dates, and one form", () => {
  expect(problemsOfPages(pages)).toEqual([]);
  expect(names.length).toBeGreaterThan(40);
});

test("the index has every decision once, by its title", async () => {
  expect(problemsOfIndex(await readFile(join(folder, "README.md"), "utf8"), pages)).toEqual([]);
});

test("every decision that anything cites is there", async () => {
  const folders = "{lib,settings,variants,api,repo,host,programs,image,vm,cli,os,test,bench,tools,docs}";
  const files = [...new Bun.Glob(`${folders}/**/*`).scanSync(repository), "README.md", "ARCHITECTURE.md", "orlop"];
  const found: string[] = [];
  let citing = 0;
  for (const file of files.filter((name) => !/^tools\/(?:citations|decisions)\.test\.ts$/.test(name))) {
    const text = await readFile(join(repository, file), "utf8");
    if (text.includes("decisions/0")) citing++;
    found.push(...wrongCitations(text, pages).map((citation) => `${file}: ${citation}`));
  }
  expect(found).toEqual([]);
  expect(citing).toBeGreaterThan(10);
});

const body = "## Context\n\nA\n\n## Decision\n\nB\n\n## Cost\n\nC\n\n## Revisit when\n\nD\n";
const page = (number: string, rest = `Decided 2026-01-02.\n\n${body}`): string => `# ${number}. Title\n\n${rest}`;
const few = (second: string): Map<string, string> =>
  new Map([
    ["0001-first.md", page("0001")],
    ["0002-second.md", second],
  ]);

test("a page without the form is seen", () => {
  const problems = (second: string): string[] =>
    problemsOfPages(few(second)).map((problem) => problem.replace("0002-second.md: ", ""));
  expect(problems(page("0002"))).toEqual([]);
  expect(problems(page("0003"))).toEqual(["its first line is not # NUMBER. TITLE"]);
  expect(problems(page("0002", `Decided in May.\n\n${body}`))).toContain(
    "Decided YYYY-MM-DD. does not follow its title",
  );
  expect(problems(page("0002", `Decided 2026-01-01.\n\n${body}`))).toEqual(["it is older than the page before it"]);
  expect(problems(page("0002").replace("## Cost", "## Price"))).toEqual([
    "it has no Cost",
    "its sections are Context, Decision, Price, Revisit when",
  ]);
  expect(problems(page("0002").replace("B", "as [0003](0003-third.md)"))).toHaveLength(1);
  expect(problemsOfPages(new Map([["0002-second.md", page("0002")]]))).toEqual([
    "0002-second.md: its number leaves a gap: 0001 is next",
  ]);
});

test("a page that is superseded names the newer one, below its date", () => {
  const problems = (mark: string): string[] =>
    problemsOfPages(
      new Map([...few(page("0002")), ["0001-first.md", page("0001", `Decided 2026-01-02.\n\n${mark}\n\n${body}`)]]),
    );
  expect(problems("Superseded by [0002](0002-second.md).")).toEqual([]);
  expect(problems("Changed by [0002](0002-second.md): it does less.")).toEqual([]);
  expect(problems("Superseded by a newer page.")).toEqual([
    '0001-first.md: "Superseded by a newer page." names no later page',
  ]);
  expect(problems("Superseded by [0001](0001-first.md).")).toHaveLength(1);
  expect(problems("Superseded by [0009](0009-ninth.md).")).toHaveLength(1);
  const late = page("0001").replace("C\n", "Changed by [0002](0002-second.md).\n");
  expect(problemsOfPages(new Map([...few(page("0002")), ["0001-first.md", late]]))).toHaveLength(1);
});

test("an index that lacks a page, has one twice, or by another title, is seen", () => {
  const second = few(page("0002"));
  const index = "- [0001](0001-first.md) Title\n- [0002](0002-second.md) Title\n";
  expect(problemsOfIndex(index, second)).toEqual([]);
  expect(problemsOfIndex(index.slice(0, 30), second)).toEqual(["0002-second.md: it stands in the index 0 times"]);
  expect(problemsOfIndex(index + index, second)).toHaveLength(2);
  expect(problemsOfIndex(index.replace("Title", "Titel"), second)).toEqual([
    "0001-first.md: the index calls it 0001 Titel",
  ]);
  expect(problemsOfIndex(`${index}- [0003](0003-third.md) Third\n`, second)).toHaveLength(1);
});

test("a citation of a page that is not there is seen, in whatever form", () => {
  const cited = "a/decisions/0001-first.md, [why](decisions/0002-second.md), decision 0002; Decided 2026";
  expect(wrongCitations(cited, few(page("0002")))).toEqual([]);
  expect(wrongCitations("decisions/0001-old.md, decisions/0001, decision 0009", few(page("0002")))).toEqual([
    "decisions/0001-old.md",
    "decisions/0001",
    "decision 0009",
  ]);
});
