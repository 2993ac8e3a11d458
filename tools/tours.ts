/**
 * The tours of the README: blocks of commands that a person pastes, with what they print where that is shown.
 *
 * ```` ```sh ```` begins a block of commands. ```` ```text ```` behind it shows lines of what it prints, in order; `…` in a line
 * stands for anything, and others may be printed between two lines. A comment behind a command shows what a person has
 * to know: `# exit code 3` of one that fails, `# exit leaves it` and `# Ctrl-] leaves it` of one that takes the keyboard.
 */

export type TourBlock = {
  /** Of the first command in the page, counted from 1. */
  line: number;
  /** As printed, with its last line end. */
  commands: string;
  /** Lines that are shown. */
  shows: readonly string[];
  /** Exit codes of the commands that fail, in order. */
  fails: readonly number[];
  /** What a person types to leave a command that takes the keyboard. */
  leaves: string | undefined;
};

export type Tour = { name: string; blocks: readonly TourBlock[] };

/** A tour for each heading below `## A tour`, the first one for that itself. */
export function toursOf(page: string): Tour[] {
  const tours: { name: string; blocks: TourBlock[] }[] = [];
  let inTours = false;
  for (const part of partsOf(page)) {
    if (part.kind === "heading") {
      if (part.level <= 2) inTours = part.text === "A tour";
      if (inTours) tours.push({ name: part.text, blocks: [] });
      continue;
    }
    const blocks = inTours ? tours.at(-1)?.blocks : undefined;
    const last = blocks?.at(-1);
    if (part.language === "sh") blocks?.push(blockOf(part));
    else if (part.language === "text" && blocks !== undefined && last !== undefined) {
      blocks[blocks.length - 1] = { ...last, shows: part.text.split("\n").filter((line) => line.trim() !== "") };
    }
  }
  return tours;
}

type Heading = { kind: "heading"; level: number; text: string };
type Fence = { kind: "fence"; language: string; line: number; text: string };

function partsOf(page: string): (Heading | Fence)[] {
  const parts: (Heading | Fence)[] = [];
  let fence: { language: string; line: number; lines: string[] } | undefined;
  page.split("\n").forEach((text, at) => {
    if (fence !== undefined) {
      if (text !== "```") return void fence.lines.push(text);
      parts.push({ kind: "fence", language: fence.language, line: fence.line, text: `${fence.lines.join("\n")}\n` });
      return void (fence = undefined);
    }
    const [, language] = /^```(\w*)$/.exec(text) ?? [];
    if (language !== undefined) return void (fence = { language, line: at + 2, lines: [] });
    const [, marks, words] = /^(#+) (.*)$/.exec(text) ?? [];
    if (marks !== undefined && words !== undefined) parts.push({ kind: "heading", level: marks.length, text: words });
  });
  return parts;
}

function blockOf({ line, text }: Fence): TourBlock {
  const comments = text.split("\n").flatMap((each) => /\s# (.*)$/.exec(each)?.[1] ?? []);
  const [keys] = comments.flatMap((comment) => /^(\S+) leaves it$/.exec(comment)?.[1] ?? []);
  return {
    line,
    commands: text,
    shows: [],
    fails: comments
      .flatMap((comment) => Number(/^exit code (\d+)$/.exec(comment)?.[1] ?? Number.NaN))
      .filter(Number.isFinite),
    leaves: keys === undefined ? undefined : (control(keys) ?? `${keys}\n`),
  };
}

/** "Ctrl-]" is the byte 0x1d. */
function control(keys: string): string | undefined {
  const [, key] = /^Ctrl-([A-Z[\]\\])$/.exec(keys) ?? [];
  return key === undefined ? undefined : String.fromCharCode(key.charCodeAt(0) & 0x1f);
}

/** What of `shows` the output of a block does not have; undefined when all is there. */
export function missingIn(output: string, shows: readonly string[]): string | undefined {
  const lines = output.split("\n");
  let from = 0;
  for (const shown of shows) {
    const parts = shown
      .trim()
      .split("…")
      .map((part) => RegExp.escape(part).replaceAll(/(?:\\x20| )+/g, " +"));
    const pattern = new RegExp(`^ *${parts.join(".*")} *$`);
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line));
    if (at < 0) return shown;
    from = at + 1;
  }
  return undefined;
}
