import { expect, test } from "bun:test";
import { concernsOf } from "./concerns.ts";
import type { ConsoleView } from "../view.ts";

const healthy: NonNullable<ConsoleView["status"]> = {
  os: { arch: "x86_64", build_id: "x", pretty_name: "Orlop", variant_id: "dev", version_id: "0.1.0", platform: "qemu" },
  hostname: "deck",
  uptimeSeconds: 60,
  state: "running",
  boot: [{ step: "read user data", state: "done" }],
  userData: { problems: [] },
  settings: { version: 1, pending: [], repairs: [] },
  reconcilers: [{ name: "files", state: "converged" }],
  rebootNeeded: [],
  remote: { enabled: false },
};

test("of a healthy host there is nothing to know", () => {
  expect(concernsOf({ status: healthy })).toEqual([]);
  expect(concernsOf({})).toEqual([]);
});

test("whatever the host says is wrong is told in its words, the worst first", () => {
  const failure = (message: string) => ({ code: "unit-failed", message, journal: "the last line" });
  const concerns = concernsOf({
    status: {
      ...healthy,
      state: "degraded",
      halted: "an essential bootstrap container failed",
      boot: [{ step: "read user data", state: "failed", failure: failure("cannot read user data") }],
      bootstrap: [
        {
          kind: "container",
          name: "disk",
          mode: "once",
          essential: true,
          state: "failed",
          failure: failure("cannot run disk"),
        },
      ],
      userData: { problems: [{ key: "settings.mtod", message: "settings.mtod does not exist", suggestion: "motd" }] },
      settings: { version: 1, pending: [], repairs: ["the log ended in the middle"], lockedDown: true },
      reconcilers: [
        {
          name: "files",
          state: "failing",
          failures: 3,
          failure: { ...failure("cannot restart x"), unit: "x.service" },
          warnings: ["no such parameter"],
        },
      ],
      hostContainers: [{ name: "admin", state: "failed (failed)", restarts: 2, failing: true }],
      node: { name: "deck", ready: false, reasons: ["kubelet is stopped"] },
      rebootNeeded: ["lockdown cannot be relaxed"],
      warnings: [
        "/local is full: 0 MiB of 8 MiB are free",
        "settings.pki.x.data has certificate 1, which expires at noon",
      ],
      update: { stage: "on-trial", version: "0.2.0", missing: ["hostd.service is failed"], secondsLeft: 90 },
      heldUpdates: [{ version: "0.1.9", at: "2026-01-01T00:00:00.000Z", reason: "no answer" }],
      kernelCrash: { at: "2026-01-01T00:00:00.000Z" },
      trial: { version: 2, revertsTo: 1, deadline: "2026-01-01T00:00:00.000Z" },
      setAside: [{ path: "/p", at: "2026-01-01T00:00:00.000Z", movedTo: "/q", effect: "the trial is forgotten" }],
      unknown: ["cannot tell how far it is"],
      remote: { enabled: true, failure: failure("cannot listen") },
    },
  });
  const severities = concerns.map(({ severity }) => severity);
  expect(severities).toEqual([
    ...severities.filter((each) => each === "broken"),
    ...severities.filter((each) => each === "attention"),
    ...severities.filter((each) => each === "note"),
  ]);
  const text = concerns.map(({ subject, sentence }) => `${subject}: ${sentence}`).join("\n");
  for (const sentence of [
    "an essential bootstrap container failed",
    "cannot read user data",
    "cannot run disk",
    "did you mean motd?",
    "the log ended in the middle",
    "x.service, failed 3 times: cannot restart x",
    "no such parameter",
    "admin is failed (failed), after 2 restarts",
    "kubelet is stopped",
    "lockdown cannot be relaxed",
    "/local is full",
    "settings.pki.x.data has certificate 1",
    "goes back by itself in 1 min 30 s unless it proves healthy; not yet: hostd.service is failed",
    "it failed here: no answer",
    "the kernel crashed",
    "version 2 of the settings goes back to version 1",
    "the trial is forgotten",
    "cannot tell how far it is",
    "cannot listen",
    "until the next boot",
  ]) {
    expect(text).toContain(sentence);
  }
  expect(concerns.filter(({ detail }) => detail === "the last line")).toHaveLength(4);
});
