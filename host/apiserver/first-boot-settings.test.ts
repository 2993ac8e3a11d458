/** Protects: what only a first boot can do is not promised by a host that runs, in any way to change settings. */
import { expect, test } from "bun:test";
import { generateIdentity, identityToRecipient } from "age-encryption";
import { invoke } from "../../lib/command/command-line.ts";
import { runningHost } from "../../test/worlds/host/running-host.ts";
import { apiclient } from "../commands/apiclient.ts";

test("encryption is refused by plan and by a commit, with what to do", async () => {
  await using host = await runningHost();
  const run = async (...words: string[]) => await invoke(apiclient, ["-s", host.socket, ...words]);
  const recipient = await identityToRecipient(await generateIdentity());
  const change = ["--json", JSON.stringify({ storage: { encryption: "tpm2", "recovery-recipients": [recipient] } })];
  for (const words of [
    ["plan", "set", ...change],
    ["set", ...change],
  ]) {
    const { exitCode, stderr } = await run(...words);
    expect({ words, exitCode }).toEqual({ words, exitCode: 1 });
    expect(stderr).toContain("settings.storage.encryption must stay as it was at the first boot");
    expect(stderr).toContain("make the machine anew, from user data that has it");
  }
  expect((await run("status")).stdout).toContain("storage      not encrypted");
  expect(await run("recovery-key")).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining("the partitions of this host are not encrypted"),
  });
});

test("a version without it can be restored: what is on the disk stays as it is", async () => {
  await using host = await runningHost();
  const run = async (...words: string[]) => await invoke(apiclient, ["-s", host.socket, ...words]);
  expect(await run("set", "motd=hello")).toMatchObject({ exitCode: 0 });
  expect(await run("restore", "--to", "0")).toMatchObject({ exitCode: 0 });
});
