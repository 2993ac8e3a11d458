/**
 * Protects: a trial of settings keeps its time over a reboot and a restart of the daemon, and undo and restore lead where
 * they say.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TestHost } from "./test-host.ts";

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
  await host.commit({ motd: "tried across a restart" }, { try: 30 });
  await host.shell.run("systemctl kill --signal=SIGKILL hostd.service");
  expect((await host.untilConfigured()).trial).toBeDefined();
  expect(await host.shell.run(`cat ${motdPath}`)).toBe("tried across a restart");
  await host.eventually(`cat ${motdPath}`, (text) => text === "tried at length", 60_000);
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
