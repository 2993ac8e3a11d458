import { expect, test } from "bun:test";
import { appliedExitCode, appliedText, trialText } from "./change/applied-text.ts";
import { historyText } from "./change/history.ts";
import { planText } from "./change/plan-text.ts";
import { statusText } from "./status.ts";

const chronyFailed = {
  code: "unit-failed",
  message: "cannot restart chrony.service: it exited with 1",
  unit: "chrony.service",
  journal: "Could not parse\nFatal error\n",
};

test("a change tells what was done, what failed and why, and what still needs a reboot", () => {
  const applied = {
    changed: ["settings.ntp.options", "settings.kernel.lockdown"],
    version: 12,
    result: {
      version: 12,
      reconcilers: [
        { name: "motd", steps: 0, effects: [] },
        {
          name: "ntp",
          steps: 2,
          effects: [{ says: "change /etc/chrony/chrony.conf" }],
          failure: chronyFailed,
        },
        {
          name: "lockdown",
          steps: 0,
          effects: [],
          rebootNeeded: ["lockdown cannot be relaxed"],
          selinux: "enforcing" as const,
        },
      ],
    },
  };
  expect(appliedText(applied)).toBe(
    [
      "version 12 changed settings.ntp.options, settings.kernel.lockdown",
      "  change /etc/chrony/chrony.conf",
      "reboot needed: lockdown cannot be relaxed",
      "failed: ntp: cannot restart chrony.service: it exited with 1",
      "  | Could not parse",
      "  | Fatal error",
    ].join("\n"),
  );
  expect(appliedExitCode(applied)).toBe(1);
});

test("a change without effect, and one whose result is not there yet, are no failures", () => {
  const nothing = { changed: [], version: 3, result: { version: 3, reconcilers: [] } };
  expect(appliedText(nothing)).toBe("nothing changed: the settings are so already (version 3)");
  expect(appliedExitCode(nothing)).toBe(0);
  const slow = { changed: ["settings.motd"], version: 4 };
  expect(appliedText(slow)).toContain("still being applied");
  expect(appliedExitCode(slow)).toBe(0);
});

test("a trial tells how to keep it and what comes back otherwise", () => {
  const trial = { version: 5, revertsTo: 4, deadline: "2026-01-31T18:32:00.000Z" };
  expect(trialText(trial)).toBe(
    "version 5 is on trial: `apiclient confirm` before 2026-01-31T18:32:00.000Z keeps it, else version 4 returns",
  );
});

test("a plan shows keys, files, units, other effects and reboots", () => {
  const text = planText({
    changes: [
      { key: "settings.motd", before: "hi", after: "hello" },
      { key: "settings.ntp.options", before: ["iburst"] },
    ],
    reconcilers: [
      {
        name: "files",
        effects: [
          { says: "change /etc/motd", file: { path: "/etc/motd", change: "modify" } },
          { says: "restart chrony.service", units: [{ name: "chrony.service", action: "restart" }] },
          { says: "set net.ipv4.ip_forward to 1" },
        ],
      },
      { name: "ntp", effects: [], failure: { code: "x", message: "cannot read /etc/chrony" } },
    ],
    rebootNeeded: ["lockdown cannot be relaxed"],
  });
  expect(text).toBe(
    [
      "settings:",
      '  settings.motd: "hi" -> "hello"',
      '  settings.ntp.options: ["iburst"] -> default',
      "files:",
      "  modify /etc/motd",
      "units:",
      "  restart chrony.service",
      "also:",
      "  set net.ipv4.ip_forward to 1",
      "reboot needed:",
      "  lockdown cannot be relaxed",
      "cannot tell:",
      "  ntp: cannot read /etc/chrony",
    ].join("\n"),
  );
  expect(planText({ changes: [], reconcilers: [], rebootNeeded: [] })).toContain("nothing would change");
});

test("history tells who, when and what, programs too", () => {
  const transaction = { at: "2026-01-31T18:30:00.000Z", image: "0.1.0", says: "set settings.motd", hash: "x" };
  const changes = [{ key: "settings.motd", after: "hi" }];
  expect(
    historyText([
      { ...transaction, version: 3, by: { kind: "remote", subject: "ada" }, changes },
      { ...transaction, version: 2, by: { kind: "socket", uid: 0, pid: 7 }, changes },
      { ...transaction, version: 1, by: { kind: "host", part: "user-data" }, changes: [] },
      {
        at: "2026-01-31T18:29:00.000Z",
        by: { kind: "socket", uid: 0 },
        image: "0.1.0",
        hash: "y",
        exec: { container: "admin", command: ["sh", "-c", "ls /"], terminal: true },
      },
    ]),
  ).toBe(
    [
      "version 3  2026-01-31T18:30:00.000Z  remote ada  image 0.1.0",
      "  set settings.motd",
      '    settings.motd: default -> "hi"',
      "version 2  2026-01-31T18:30:00.000Z  uid 0 (process 7)  image 0.1.0",
      "  set settings.motd",
      '    settings.motd: default -> "hi"',
      "version 1  2026-01-31T18:30:00.000Z  host (user-data)  image 0.1.0",
      "  set settings.motd",
      "exec  2026-01-31T18:29:00.000Z  uid 0  image 0.1.0",
      '  in admin, with a terminal: sh -c "ls /"',
    ].join("\n"),
  );
});

test("a message forges no entry of the history, and steers no terminal", () => {
  const forged = "fine\n\u001b[2Jversion 99  2026-01-31T18:30:00.000Z  uid 0";
  const entry = { version: 3, at: "2026-01-31T18:30:00.000Z", image: "0.1.0", hash: "x", changes: [] };
  const text = historyText([{ ...entry, says: forged, by: { kind: "remote", subject: "ada\nversion 98" } }]);
  expect(text.split("\n")).toHaveLength(2);
  expect(text).not.toContain("\u001b");
});

test("status names everything that is failing, and is short about the rest", () => {
  const body = {
    os: {
      arch: "x86_64",
      build_id: "dafe3b16",
      pretty_name: "Orlop 0.1.0",
      variant_id: "dev",
      version_id: "0.1.0",
      platform: "qemu",
    },
    hostname: "web-1",
    uptimeSeconds: 125,
    state: "degraded" as const,
    boot: [
      { step: "read user data", state: "failed" as const, failure: { code: "x", message: "cannot read user data" } },
      { step: "apply settings", state: "done" as const },
    ],
    userData: {
      problems: [
        { key: "settings.mtod", message: "settings.mtod does not exist", line: 3, column: 1, suggestion: "motd" },
      ],
    },
    settings: { version: 4, pending: [], repairs: [], lastGoodBoot: { version: 2, at: "2026-01-31T18:30:00.000Z" } },
    reconcilers: [
      { name: "motd", state: "converged" as const, version: 4 },
      { name: "ntp", state: "failing" as const, version: 4, failures: 3, failure: chronyFailed },
    ],
    hostContainers: [
      { name: "control", state: "active (running)", restarts: 0, failing: false },
      { name: "admin", state: "activating (auto-restart)", restarts: 3, failing: true },
    ],
    rebootNeeded: ["lockdown cannot be relaxed"],
    selinux: "enforcing" as const,
    update: { stage: "on-trial" as const, version: "0.1.0", missing: ["hostd.service is failed"], secondsLeft: 130 },
    kernelCrash: { at: "2026-01-31T18:00:00.000Z" },
    setAside: [
      {
        path: "/var/lib/orlop/trial.json",
        at: "2026-01-31T19:00:00.000Z",
        movedTo: "/var/lib/orlop/trial.json.damaged-2026-01-31T19:00:00Z",
        effect: "settings that were on trial stay as they are",
      },
    ],
    unknown: ["cannot tell how far the preparation of this machine is"],
    remote: { enabled: true, port: 8443, fingerprint: "AB:CD" },
  };
  expect(statusText(body)).toBe(
    [
      "host         web-1, up 2 min 5 s",
      "image        Orlop 0.1.0, variant dev, x86_64, build dafe3b16, on qemu",
      "state        degraded",
      "selinux      enforcing",
      "reboot       needed: lockdown cannot be relaxed",
      "update       version 0.1.0 is on trial: it goes back by itself in 2 min 10 s unless it proves healthy",
      "             not yet: hostd.service is failed",
      "kernel       crashed at 2026-01-31T18:00:00.000Z; `apiclient logs --bundle` has its last messages",
      "settings     version 4; last good boot with version 2 at 2026-01-31T18:30:00.000Z",
      "user data    line 3, column 1: settings.mtod does not exist; did you mean motd?",
      "boot         1 of 2 steps done",
      "             failed: read user data: cannot read user data",
      "reconcilers  1 converged, 1 failing",
      "             failed: ntp, 3 times: cannot restart chrony.service: it exited with 1",
      "               | Could not parse",
      "               | Fatal error",
      "containers   control: active (running)",
      "             admin: activating (auto-restart), 3 restarts; see `apiclient logs admin`",
      "damaged      /var/lib/orlop/trial.json, set aside at 2026-01-31T19:00:00.000Z: settings that were on trial stay as they are",
      "unknown      cannot tell how far the preparation of this machine is",
      "remote API   port 8443, fingerprint AB:CD",
    ].join("\n"),
  );
});
