/**
 * Parameters of kernel and init as words of the command line, in the order in which they were set.
 *
 * Order counts: of `quiet` and `loglevel=7` the later one holds. `hugepages` counts pages of the size that the
 * `hugepagesz` before it names, or of the default size when there is none; since each has its values in a list, the two
 * lists are put side by side. Source: kernel Documentation/admin-guide/kernel-parameters.txt, mm/hugetlbpage.rst.
 */
import type { Settings } from "../groups/group.ts";
import type { Problem } from "../model/problem.ts";
import { unmetAt } from "../model/rule.ts";

type Boot = Settings["boot"];
type Parameters = Boot["kernel-parameters"];

/**
 * Words by which the image finds its own root and init, another value of which would start neither set, and those by which it
 * has its policy of SELinux, which no setting takes away.
 */
const reserved = [
  "enforcing",
  "hashuuid",
  "init",
  "lsm",
  "rdinit",
  "root",
  "roothash",
  "rootuuid",
  "security",
  "selinux",
  "veritysize",
  "veritytable",
];

/** The kernel takes 2048 bytes on x86_64, and the image's own words need some 1000 of them. */
const mostBytes = 1000;

const [count, size] = ["hugepages", "hugepagesz"];

/** Init reads the same command line. */
export function commandLineWords(boot: Boot): string {
  return [...wordsOf(boot["kernel-parameters"]), ...wordsOf(boot["init-parameters"])].join(" ");
}

/** Why these parameters cannot be handed to the kernel. */
export function* bootParameterProblems(boot: Boot): Iterable<Problem> {
  for (const group of ["kernel-parameters", "init-parameters"] as const) {
    for (const name of Object.keys(boot[group])) {
      if (reserved.includes(name)) yield unmetAt(["boot", group, name], "must not be set: it is the image's own");
    }
  }
  yield* hugePageProblems(boot["kernel-parameters"]);
  const bytes = Buffer.byteLength(commandLineWords(boot));
  if (bytes <= mostBytes) return;
  const sentence = `and init-parameters must have at most ${mostBytes} bytes on the command line, not ${bytes}`;
  yield unmetAt(["boot", "kernel-parameters"], sentence);
}

function* hugePageProblems({ [count]: counts = [], [size]: sizes = [] }: Parameters): Iterable<Problem> {
  const surplus = counts.length - sizes.length;
  if (counts.length === 0 || surplus === 0 || surplus === 1) return;
  const sentence = `must have a value for each of ${size}, which has ${sizes.length}, and perhaps one before for the default size, not ${counts.length}`;
  yield unmetAt(["boot", "kernel-parameters", count], sentence);
}

function wordsOf(parameters: Parameters): string[] {
  const { [count]: counts = [], [size]: sizes = [] } = parameters;
  if (counts.length === 0 || sizes.length === 0)
    return Object.entries(parameters).flatMap(([name, values]) => words(name, values));
  let areDone = false;
  return Object.entries(parameters).flatMap(([name, values]) => {
    if (name !== count && name !== size) return words(name, values);
    if (areDone) return [];
    areDone = true;
    return sideBySide(counts, sizes);
  });
}

/** A count more than there are sizes is for the default size, which is what a count without a size before it means. */
function sideBySide(counts: readonly string[], sizes: readonly string[]): string[] {
  const first = Math.max(0, counts.length - sizes.length);
  return [
    ...counts.slice(0, first).map((value) => word(count, value)),
    ...sizes.flatMap((value, at) => [
      word(size, value),
      ...counts.slice(first + at, first + at + 1).map((counted) => word(count, counted)),
    ]),
  ];
}

function words(name: string, values: readonly string[]): string[] {
  return values.length === 0 ? [name] : values.map((value) => word(name, value));
}

/** The kernel takes quotes around a value away; it knows no way to put one inside of them. */
function word(name: string, value: string): string {
  return `${name}=${/\s/.test(value) && !value.startsWith('"') ? `"${value}"` : value}`;
}
