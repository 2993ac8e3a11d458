import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UpdateExplanation } from "../../api/status.ts";
import { hostLines, standingOf } from "./hosts.ts";
import { hostsSource } from "./hosts-source.ts";

type Versions = UpdateExplanation["versions"];

function explained(versions: Versions, chosen?: string): UpdateExplanation {
  return {
    running: { version: "1.0.0", variant: "dev", arch: "x86_64" },
    proved: true,
    seed: 7,
    ...(chosen === undefined ? {} : { chosen }),
    versions,
    held: [],
    checkedAt: "2026-12-01T00:00:00Z",
    metadataExpires: "2026-12-08T00:00:00Z",
  };
}

const running: Versions[number] = { version: "1.0.0", holds: [{ kind: "not-newer", says: "the host runs 1.0.0" }] };

test("a host outside of clusters may take a version, waits for one, or has the newest", () => {
  expect(standingOf(explained([{ version: "1.1.0", holds: [] }, running], "1.1.0")).sentence).toBe(
    "may take 1.1.0 now",
  );
  const wave: Versions[number] = { version: "1.1.0", holds: [{ kind: "wave", says: "its wave opens at noon" }] };
  expect(standingOf(explained([wave, running]))).toEqual({
    cause: "wave",
    target: "1.1.0",
    sentence: "waits for 1.1.0: its wave opens at noon",
    details: ["1.1.0: its wave opens at noon", "1.0.0: the host runs 1.0.0"],
  });
  expect(standingOf(explained([running])).sentence).toBe("runs 1.0.0, and nothing newer is offered to it");
});

test("a host that does not answer is a line, and hides no other", async () => {
  const directory = await mkdtemp(join(tmpdir(), "orlop-hosts-"));
  const file = join(directory, "hosts.txt");
  await writeFile(file, "# two that nobody has set up\nnobody-1\n\nnobody-2 # here\n");
  const lines = await hostLines(file, new AbortController().signal);
  expect(lines.map(({ name, version }) => [name, version])).toEqual([
    ["nobody-1", undefined],
    ["nobody-2", undefined],
  ]);
  expect(lines[0]?.sentence).toContain("does not answer: cannot find the context nobody-1");
  // The page of a fleet has the same lines, as nodes of no policy.
  const { signal } = new AbortController();
  const { picture } = await hostsSource(file).look(signal).read(signal);
  expect(picture).toEqual({ policies: [], nodes: lines });
  await rm(directory, { recursive: true });
});
