import { expect, test } from "bun:test";
import type { StatusBody } from "../../../../api/status.ts";
import { conditionText, judgeConditions, parseCondition } from "./condition.ts";

const running: StatusBody = {
  os: { arch: "x86_64", build_id: "b", pretty_name: "Orlop", variant_id: "dev", version_id: "0.1.0", platform: "qemu" },
  hostname: "web",
  uptimeSeconds: 10,
  state: "running",
  boot: [{ step: "read user data", state: "done" }],
  userData: { problems: [] },
  settings: { version: 1, pending: [], repairs: [] },
  reconcilers: [],
  rebootNeeded: [],
  remote: { enabled: false },
};
const judged = (texts: string[], status: Partial<StatusBody>) =>
  judgeConditions(texts.map(parseCondition), { ...running, ...status });
const there = { kind: "there", result: undefined } as const;
const missing = (reason: string) => ({ kind: "missing" as const, reason });
const hopeless = (reason: string) => ({ kind: "hopeless" as const, reason });

test("conditions are read as they are written, and others are refused with what there is", () => {
  for (const text of ["configured", "node", "container/admin", "bootstrap/disk"]) {
    expect(conditionText(parseCondition(text))).toBe(text);
  }
  expect(() => parseCondition("container/")).toThrow(
    'one of configured, node, container/NAME, bootstrap/NAME is expected, not "container/"',
  );
});

test("configured: a boot that goes on is waited for, one that stopped is not", () => {
  expect(judged(["configured"], {})).toEqual(there);
  expect(judged(["configured"], { state: "degraded" })).toEqual(there);
  const boot: StatusBody["boot"] = [
    { step: "read user data", state: "done" },
    { step: "apply settings", state: "running" },
  ];
  expect(judged(["configured"], { state: "booting", boot })).toEqual(missing("configured: apply settings (running)"));
  const disk = { kind: "container", name: "disk", mode: "always", essential: true } as const;
  expect(judged(["configured"], { state: "booting", bootstrap: [{ ...disk, state: "waiting" }] })).toEqual(
    missing("configured: bootstrap container disk (waiting)"),
  );
  expect(judged(["configured"], { state: "degraded", halted: "disk failed" })).toEqual(
    hopeless("configured: the boot stopped: disk failed"),
  );
});

test("container: running is what counts; why it is not is told", () => {
  const admin = { name: "admin", state: "active (running)", restarts: 0, failing: false };
  expect(judged(["container/admin"], { hostContainers: [admin] })).toEqual(there);
  expect(judged(["container/admin"], { hostContainers: [{ ...admin, state: "activating (start)" }] })).toEqual(
    missing("container/admin: activating (start)"),
  );
  const failing = { ...admin, state: "activating (auto-restart)", restarts: 3, failing: true };
  expect(judged(["container/admin"], { hostContainers: [failing] })).toEqual(
    missing("container/admin: activating (auto-restart), after 3 restarts; see `apiclient logs admin`"),
  );
  expect(judged(["container/adnim"], { hostContainers: [admin] })).toEqual(
    hopeless("container/adnim: settings enable no such host container; they enable admin"),
  );
  expect(judged(["container/admin"], { state: "booting" })).toEqual(missing("container/admin: the host is booting"));
});

test("bootstrap: done and left out are ends, failed is one that never becomes good", () => {
  const disk = { kind: "container", name: "disk", mode: "once", essential: true } as const;
  const failure = { code: "x", message: "cannot mount" };
  expect(judged(["bootstrap/disk"], { bootstrap: [{ ...disk, state: "done" }] })).toEqual(there);
  expect(judged(["bootstrap/disk"], { bootstrap: [{ ...disk, state: "running" }] })).toEqual(
    missing("bootstrap/disk: running"),
  );
  expect(judged(["bootstrap/disk"], { bootstrap: [{ ...disk, state: "failed", failure }] })).toEqual(
    hopeless("bootstrap/disk: cannot mount"),
  );
  expect(judged(["bootstrap/disc"], { bootstrap: [{ ...disk, state: "done" }] })).toMatchObject({ kind: "hopeless" });
});

test("node: what the cluster says", () => {
  expect(judged(["node"], { node: { name: "web", ready: true, reasons: [] } })).toEqual(there);
  expect(judged(["node"], { node: { name: "web", ready: false, reasons: ["no CNI"] } })).toEqual(
    missing("node: not ready: no CNI"),
  );
  expect(judged(["node"], {})).toMatchObject({ kind: "hopeless" });
});

test("several hold in the same moment, and one that never comes ends the wait for all", () => {
  const node = { name: "web", ready: false, reasons: ["no CNI"] };
  expect(judged(["configured", "node"], { node })).toEqual(missing("node: not ready: no CNI"));
  expect(judged(["configured", "node", "container/x"], { node })).toMatchObject({ kind: "hopeless" });
});
