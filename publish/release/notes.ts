/** Release notes, from the subjects of the commits: "area: what was done". */

export type Commit = { hash: string; subject: string };

/** @param log lines of `git log --format="%h %s"`, newest first */
export function parseLog(log: string): Commit[] {
  return log
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [hash = "", ...words] = line.split(" ");
      return { hash, subject: words.join(" ") };
    });
}

/** A page with a section for each area, in the order of their names; subjects without an area come last. */
export function releaseNotes(
  version: string,
  { commits, since, builds }: { commits: readonly Commit[]; since: string | undefined; builds: readonly string[] },
): string {
  const areas = Map.groupBy(commits.toReversed(), ({ subject }) => /^([\w.-]+): /.exec(subject)?.[1] ?? "");
  const sections = [...areas]
    .toSorted(([a], [b]) => (a === "" ? 1 : b === "" ? -1 : a < b ? -1 : 1))
    .map(([area, found]) => {
      const lines = found.map(({ hash, subject }) => `- ${subject.replace(/^[\w.-]+: /, "")} (${hash})`);
      return [`## ${area === "" ? "Further" : area}`, "", ...lines, ""].join("\n");
    });
  const range = since === undefined ? "All that there is." : `What changed since ${since}.`;
  return [`# Orlop ${version}`, "", range, "", ...builds.map((name) => `- ${name}`), "", ...sections].join("\n");
}
