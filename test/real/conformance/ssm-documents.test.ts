/** Protects: what the updater of an ECS cluster runs on hosts is what their `apiclient` has, and it reads what that prints. */
import { expect, test } from "bun:test";
import { readHostStatus, reportOf } from "../../../cluster/ecs/reported-host.ts";
import { documentKinds, documents } from "../../../cluster/ecs/stack/documents.ts";
import { apiclient } from "../../../host/commands/apiclient.ts";
import { invoke } from "../../../lib/command/command-line.ts";
import { runningHost } from "../../worlds/host/running-host.ts";

const commandOf = (kind: (typeof documentKinds)[number]): string[] => {
  const [step] = documents[kind].mainSteps;
  const [program, ...words] = (step.inputs.runCommand.at(-1) ?? "").split(" ");
  expect(program).toBe("apiclient");
  return words;
};

test("each document runs a command that apiclient has", () => {
  const names = new Set(apiclient.commands.map(({ name }) => name));
  for (const kind of documentKinds) {
    expect([...names]).toContain(
      commandOf(kind)
        .filter((word) => !word.startsWith("-"))
        .join(" "),
    );
  }
});

test("the status of a host is read as its apiclient prints it", async () => {
  await using host = await runningHost();
  await host.machine.write("/proc/sys/kernel/random/boot_id", "6f1f6a3e-2f0c-4c65-9a3e-0d5d4b2a9c11\n");
  const { stdout } = await invoke(apiclient, ["-s", host.socket, ...commandOf("status")]);
  const status = readHostStatus(stdout);
  if (!("value" in status)) throw new Error(status.reason);
  expect(reportOf(status.value, undefined)).toMatchObject({
    boot: "6f1f6a3e-2f0c-4c65-9a3e-0d5d4b2a9c11",
    version: status.value.os.version_id,
    offers: [],
    onTrial: expect.any(Boolean),
  });
});
