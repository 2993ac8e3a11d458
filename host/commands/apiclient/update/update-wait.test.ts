import { expect, test } from "bun:test";
import { defined } from "../../../../lib/defined.ts";
import type { LastUpdate } from "../../../../api/status.ts";
import { judgeUpdate } from "./update-wait.ts";

const os = {
  arch: "x86_64",
  build_id: "b",
  pretty_name: "Orlop",
  variant_id: "dev",
  version_id: "0.2.0",
  platform: "qemu",
};
const judged = (update: LastUpdate | undefined, version?: string) =>
  judgeUpdate({ os, uptimeSeconds: 100, ...defined({ update }) }, { version }, 1_000_000);

test.each<[LastUpdate, string]>([
  [{ stage: "working", command: "prepare" }, "an update command is at work: prepare"],
  [{ stage: "ready", version: "0.3.0" }, "version 0.3.0 starts at the next boot"],
  [{ stage: "on-trial", version: "0.2.0", missing: [] }, "version 0.2.0 is on trial"],
  [
    { stage: "on-trial", version: "0.2.0", missing: ["no CNI", "no link"] },
    "version 0.2.0 is on trial; no CNI; no link",
  ],
  [{ stage: "unknown", reason: "no disk" }, "the host cannot tell: no disk"],
])("%o is waited for", (stage, reason) => {
  expect(judged(stage)).toEqual({ kind: "missing", reason });
});

test("a host with nothing under way is where it shall be, unless another version shall run", () => {
  expect(judged(undefined)).toEqual({ kind: "there", result: { version: "0.2.0" } });
  expect(judged(undefined, "0.2.0")).toEqual({ kind: "there", result: { version: "0.2.0" } });
  expect(judged(undefined, "0.3.0")).toEqual({
    kind: "hopeless",
    reason: "version 0.3.0 does not run here, and is not going to: 0.2.0 runs",
  });
});

test("a host that went back says why, in one sentence", () => {
  const stage = { stage: "went-back", version: "0.3.0", reason: "not healthy after 30 s" } as const;
  const back = { kind: "hopeless", reason: "went back from 0.3.0 to 0.2.0: not healthy after 30 s" } as const;
  expect(judged(stage)).toEqual(back);
  expect(judged(stage, "0.3.0")).toEqual(back);
  expect(judged({ stage: "went-back", version: "0.3.0" })).toMatchObject({
    reason: expect.stringContaining("not known"),
  });
  // Somebody asks for the version that the host went back to.
  expect(judged(stage, "0.2.0")).toMatchObject({ kind: "there" });
});

test("after a reboot that was asked for, the boot before it says nothing", () => {
  const judge = (rebootAtMs: number) =>
    judgeUpdate({ os, uptimeSeconds: 100 }, { version: "0.3.0", rebootAtMs }, 1_000_000);
  expect(judge(950_000)).toEqual({ kind: "missing", reason: "it has not rebooted yet" });
  expect(judge(850_000)).toMatchObject({ kind: "hopeless" });
});
