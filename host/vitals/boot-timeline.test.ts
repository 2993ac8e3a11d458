import { expect, test } from "bun:test";
import { exits, testSystem } from "../../test/worlds/host/system.ts";
import { bootTimelineOf } from "./boot-timeline.ts";

const manager = `FirmwareTimestampMonotonic=2500000
LoaderTimestampMonotonic=1000000
InitRDTimestampMonotonic=0
UserspaceTimestampMonotonic=3000000
FinishTimestampMonotonic=12000000
`;

/** In microseconds: when it began, when it was active, when it had ended. */
const unit = (name: string, [began, active, ended]: readonly number[], after = "", state = "active"): string =>
  `Id=${name}
ActiveState=${state}
InactiveExitTimestampMonotonic=${began}
ActiveEnterTimestampMonotonic=${active}
ActiveExitTimestampMonotonic=0
InactiveEnterTimestampMonotonic=${ended}
After=${after}
`;

const units = [
  unit("multi-user.target", [12_000_000, 12_000_000, 0], "hostd.service containerd.service"),
  unit("hostd.service", [4_000_000, 11_000_000, 0], "local-fs.target"),
  unit("containerd.service", [4_100_000, 5_000_000, 0], "local-fs.target"),
  unit("local-fs.target", [3_900_000, 3_900_000, 0], "var.mount"),
  unit("var.mount", [3_200_000, 3_800_000, 0]),
  unit("once.service", [3_100_000, 0, 3_600_000], "", "inactive"),
  unit("broken.service", [5_000_000, 0, 5_200_000], "", "failed"),
  unit("never.service", [0, 0, 0], "", "inactive"),
  unit("later.service", [90_000_000, 91_000_000, 0]),
].join("\n");

test("phases, units and what the boot waited for are told as systemd has them, and the daemon's steps beside", async () => {
  await using machine = await testSystem();
  machine.programs.set("systemctl", (argv) => (argv.includes("*") ? units : manager));
  const steps = [{ step: "read user data", state: "done" as const, startedMs: 4500, tookMs: 250 }];
  const timeline = await bootTimelineOf(machine.system, steps);
  expect(timeline.phases).toEqual([
    { name: "firmware", startedSeconds: -2.5, tookSeconds: 1.5 },
    { name: "boot loader", startedSeconds: -1, tookSeconds: 1 },
    { name: "kernel", startedSeconds: 0, tookSeconds: 3 },
    { name: "userspace", startedSeconds: 3, tookSeconds: 9 },
  ]);
  expect(timeline.finishedSeconds).toBe(12);
  expect(timeline.steps).toEqual([{ step: "read user data", state: "done", startedSeconds: 4.5, tookSeconds: 0.25 }]);
  // What never started, and what started after the boot, are no part of it.
  expect(timeline.units.map(({ name }) => name)).toEqual([
    "once.service",
    "var.mount",
    "local-fs.target",
    "hostd.service",
    "containerd.service",
    "broken.service",
    "multi-user.target",
  ]);
  expect(timeline.units.find(({ name }) => name === "once.service")?.tookSeconds).toBeCloseTo(0.5);
  expect(timeline.units.find(({ name }) => name === "broken.service")).toMatchObject({ state: "failed" });
  expect(timeline.criticalPath).toEqual(["var.mount", "local-fs.target", "hostd.service", "multi-user.target"]);
  expect(timeline.unknown).toEqual([]);
});

test("a boot that is not through has no end, and units that wait for each other no endless chain", async () => {
  await using machine = await testSystem();
  const circle = [
    unit("a.target", [1_000_000, 1_000_000, 0], "b.target"),
    unit("b.target", [1_000_000, 1_000_000, 0], "a.target"),
  ];
  machine.programs.set("systemctl", (argv) =>
    argv.includes("*") ? circle.join("\n") : "UserspaceTimestampMonotonic=900000\n",
  );
  const timeline = await bootTimelineOf(machine.system, []);
  expect(timeline).not.toHaveProperty("finishedSeconds");
  expect(timeline.phases).toEqual([
    { name: "kernel", startedSeconds: 0, tookSeconds: 0.9 },
    { name: "userspace", startedSeconds: 0.9 },
  ]);
  expect(timeline.criticalPath.toSorted()).toEqual(["a.target", "b.target"]);
});

test("where systemd does not answer, the daemon's steps are all there is, with the reason", async () => {
  await using machine = await testSystem();
  machine.programs.set("systemctl", exits(1, "Failed to connect to bus"));
  const timeline = await bootTimelineOf(machine.system, [
    { step: "read user data", state: "running", startedMs: 1000 },
  ]);
  expect(timeline.steps).toEqual([{ step: "read user data", state: "running", startedSeconds: 1 }]);
  expect(timeline.unknown.join()).toContain("cannot tell when units started");
});
