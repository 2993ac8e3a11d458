/** The form of the pages in `docs/decisions/`, of their index and of what cites them; `README.md` there describes it. */

/** By file name: the text of a page. */
export type Pages = ReadonlyMap<string, string>;

const sections = ["Context", "Tried", "Decision", "Figures", "Rejected", "Cost", "Revisit when"];
const needed = ["Context", "Decision", "Cost", "Revisit when"];

const numberOf = (name: string): string => name.slice(0, 4);
const titleOf = (text: string): string => /^# \d{4}\. (.+)\n/.exec(text)?.[1] ?? "";
const dateOf = (text: string): string => /^# .+\n\nDecided (\d{4}-\d{2}-\d{2})\.\n/.exec(text)?.[1] ?? "";

/** What is wrong with the pages themselves: their numbers, dates, sections, and marks of a later decision. */
export function problemsOfPages(pages: Pages): string[] {
  const names = [...pages.keys()].toSorted();
  return names.flatMap((name, at) => {
    const text = pages.get(name) ?? "";
    const number = String(at + 1).padStart(4, "0");
    const problems = [...problemsOfSections(text), ...problemsOfLinks(text, pages), ...problemsOfMarks(name, text)];
    if (numberOf(name) !== number) problems.push(`its number leaves a gap: ${number} is next`);
    if (!text.startsWith(`# ${numberOf(name)}. `)) problems.push("its first line is not # NUMBER. TITLE");
    if (dateOf(text) === "") problems.push("Decided YYYY-MM-DD. does not follow its title");
    if (at > 0 && dateOf(text) < dateOf(pages.get(names[at - 1] ?? "") ?? "")) {
      problems.push("it is older than the page before it");
    }
    return problems.map((problem) => `${name}: ${problem}`);
  });
}

function problemsOfSections(text: string): string[] {
  const found = [...text.matchAll(/^## (.+)$/gm)].map(([, section]) => section ?? "");
  const ordered = sections.filter((section) => found.includes(section));
  const missing = needed.filter((section) => !found.includes(section)).map((section) => `it has no ${section}`);
  return found.join() === ordered.join() ? missing : [...missing, `its sections are ${found.join(", ")}`];
}

/** Links from one page to another name it by its number. */
function problemsOfLinks(text: string, pages: Pages): string[] {
  return [...text.matchAll(/\[([^\]]+)\]\((\d{4}[^)]*)\)/g)].flatMap(([link, words, name = ""]) =>
    pages.has(name) && words === numberOf(name) ? [] : [`${link} names no page by its number`],
  );
}

/** `Superseded by` and `Changed by` stand below the date, and name the page that is newer. */
function problemsOfMarks(name: string, text: string): string[] {
  const marks = [...text.matchAll(/^(?:Superseded|Changed) by (?:\[(\d{4})\]\(\d{4}[^)]*\)(?=[.:]))?.*$/gm)];
  return marks.flatMap(([mark, newer = ""]) => {
    const head = text.slice(0, text.indexOf("\n## "));
    if (!head.includes(mark)) return [`"${mark}" does not stand below the date`];
    return newer > numberOf(name) ? [] : [`"${mark}" names no later page`];
  });
}

/** What is wrong with the index: each page stands in it once, with its title. */
export function problemsOfIndex(index: string, pages: Pages): string[] {
  const entries = [...index.matchAll(/^- \[(\d{4})\]\((\d{4}[^)]*)\) (.+(?:\n {2}.+)*)$/gm)];
  const gone = entries
    .filter(([, , name = ""]) => !pages.has(name))
    .map(([entry]) => `${entry}: there is no such page`);
  const wrong = [...pages].flatMap(([name, text]) => {
    const own = entries.filter(([, , file]) => file === name);
    if (own.length !== 1) return [`${name}: it stands in the index ${own.length} times`];
    const [, number, , words = ""] = own[0] ?? [];
    const title = words.replaceAll(/\s+/g, " ");
    return number === numberOf(name) && title === titleOf(text)
      ? []
      : [`${name}: the index calls it ${number} ${title}`];
  });
  return [...gone, ...wrong];
}

/** Citations of pages that are not there, by path or by number, in any text. */
export function wrongCitations(text: string, pages: Pages): string[] {
  const numbers = new Set([...pages.keys()].map(numberOf));
  const paths = [...text.matchAll(/\bdecisions\/(\d{4}[\w-]*(?:\.md)?)/g)].filter(([, name = ""]) => !pages.has(name));
  const words = [...text.matchAll(/\bdecisions? (\d{4})\b/gi)].filter(([, number = ""]) => !numbers.has(number));
  return [...paths, ...words].map(([citation]) => citation);
}
