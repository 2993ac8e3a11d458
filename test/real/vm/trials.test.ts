/**
 * Protects: a trial of settings keeps its time over a reboot, a restart of the daemon and steps of the clock, a confirmed
 * one stays, undo and restore lead where they say, and damage of what is kept keeps nobody from any of it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestHost } from "./test-host.ts";

const daySeconds = 86_400;
const motdPath = "/etc/motd";
let host: TestHost;
beforeAll(async () => {
  host = await TestHost.boot("trials");
});
afterAll(async () => host?.[Symbol.asyncDispose]());

test("a trial whose time is not over goes on after a reboot, and can be confirmed then", async () => {
  await host.commit({ motd: "tried at length" }, { try: 600 });
  const status = await host.reboot();
  expect(status.trial).toBeDefined();
  expect(await host.shell.run(`cat ${motdPath}`)).toBe("tried at length");
  await (await host.api()).call("confirm");
  await host.reboot();
  expect(await host.shell.run(`cat ${motdPath}`)).toBe("tried at length");
});

test("a trial outlives a restart of the daemon", async () => {
  // Long enough for a daemon that starts on a busy computer.
  await host.commit({ motd: "tried across a restart" }, { try: 120 });
  await host.shell.run("systemctl kill --signal=SIGKILL hostd.service");
  expect((await host.untilConfigured()).trial).toBeDefined();
  expect(await host.shell.run(`cat ${motdPath}`)).toBe("tried across a restart");
  await host.eventually(`cat ${motdPath}`, (text) => text === "tried at length", 180_000);
});

test("a clock that is set a day forward and back neither ends a trial nor makes it longer", async () => {
  await host.commit({ motd: "tried while the clock jumps" }, { try: 600 });
  for (const seconds of [daySeconds, -2 * daySeconds]) {
    await host.stepClock(seconds);
    await host.shell.run("systemctl kill --signal=SIGKILL hostd.service");
    const { trial } = await host.untilConfigured();
    const left = Date.parse(trial?.deadline ?? "") / 1000 - Number(await host.shell.run("date +%s"));
    expect(left).toBeWithin(1, 601);
  }
  await (await host.api()).call("revert", { query: { wait: true } });

  await host.stepClock(daySeconds);
  await host.commit({ motd: "tried for a moment" }, { try: 20 });
  await host.stepClock(-daySeconds);
  await host.eventually(`cat ${motdPath}`, (text) => text === "tried at length", 120_000);
  await host.stepClock(daySeconds);
});

test("undo takes back the last change, restore goes back to the last good boot", async () => {
  await host.commit({ motd: "one" });
  await host.commit({ motd: "two" });
  const api = await host.api();
  await api.call("undo", { query: { wait: true } });
  expect(await host.shell.run(`cat ${motdPath}`)).toBe("one");
  await api.call("restore", { query: { "last-good-boot": true, wait: true } });
  expect(await host.shell.run(`cat ${motdPath}`)).toBe("tried at length");
});

test("what is kept may be damaged: the API answers, and the status tells what is set aside", async () => {
  const kept = "/var/lib/orlop";
  await host.shell.run(`rm -rf ${kept}/audit && echo x > ${kept}/audit && echo '{' > ${kept}/updates.json`);
  await host.shell.run("systemctl kill --signal=SIGKILL hostd.service");
  const { setAside = [] } = await host.untilConfigured();
  expect(setAside.map(({ path }) => path).toSorted()).toEqual([`${kept}/audit`, `${kept}/updates.json`]);
  expect((await host.commit({ motd: "settable all the same" })).changed).toEqual(["settings.motd"]);
});

test("a confirmation outlasts power that is lost at once", async () => {
  await host.commit({ motd: "confirmed" }, { try: 60 });
  await (await host.api()).call("confirm");
  await host.cutPower();
  await host.switchOn();
  // Booting may take longer than the trial would have.
  expect((await host.untilConfigured()).trial).toBeUndefined();
  expect(await host.shell.run(`cat ${motdPath}`)).toBe("confirmed");
});
