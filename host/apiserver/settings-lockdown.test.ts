/** Protects: settings that were locked down are changed by nobody until the next boot, and the status says so. */
import { expect, test } from "bun:test";
import { invoke } from "../../lib/command/command-line.ts";
import { runningHost } from "../../test/worlds/host/running-host.ts";
import { apiclient } from "../commands/apiclient.ts";

test("every way to change settings is refused, also by a daemon that was restarted, until the machine has rebooted", async () => {
  await using host = await runningHost();
  const run = async (...words: string[]) => await invoke(apiclient, ["-s", host.socket, ...words]);
  const refused = {
    exitCode: 1,
    stderr: expect.stringContaining("cannot change settings: they are locked down until the next boot"),
  };
  expect(await run("set", "motd=before")).toMatchObject({ exitCode: 0 });
  expect(await run("lockdown")).toMatchObject({ exitCode: 0, stderr: "" });
  const attempts = [
    ["set", "motd=after"],
    ["delete", "motd"],
    ["undo"],
    ["restore", "--to", "0"],
    ["try", "set", "motd=after"],
    ["raw", "-m", "PATCH", "-u", "/settings?tx=t", "-d", '{"motd":"after"}'],
    ["raw", "-m", "POST", "-u", "/tx/commit_and_apply?tx=t"],
    ["raw", "-m", "POST", "-u", "/tx/commit?tx=t"],
  ];
  const tried = async (): Promise<void> => {
    for (const words of attempts) {
      const answer = await run(...words);
      // To stage is no change; what is staged is committed by nobody.
      if (words.includes("PATCH")) expect(answer).toMatchObject({ exitCode: 0 });
      else expect({ words, ...answer }).toMatchObject({ words, ...refused });
    }
    expect((await run("get", "settings.motd")).stdout).toContain("before");
  };
  await tried();
  expect((await run("status")).stdout).toContain("settings cannot be changed until the next boot");
  expect((await host.api.call("getStatus")).settings.lockedDown).toBe(true);
  // Done twice, it is done.
  expect(await run("lockdown")).toMatchObject({ exitCode: 0 });

  await host.restart();
  await tried();

  await host.reboot();
  expect((await host.api.call("getStatus")).settings.lockedDown).toBeUndefined();
  expect(await run("set", "motd=after")).toMatchObject({ exitCode: 0 });
});

test("settings on trial are not locked down: nobody could end the trial", async () => {
  await using host = await runningHost();
  const run = async (...words: string[]) => await invoke(apiclient, ["-s", host.socket, ...words]);
  expect(await run("try", "set", "motd=tried")).toMatchObject({ exitCode: 0 });
  expect(await run("lockdown")).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is on trial until") });
  expect(await run("confirm")).toMatchObject({ exitCode: 0 });
  expect(await run("lockdown")).toMatchObject({ exitCode: 0 });
});
