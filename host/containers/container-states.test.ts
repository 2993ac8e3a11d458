import { expect, test } from "bun:test";
import { settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { hostContainersOf, hostContainerStates } from "./container-states.ts";

test("an enabled container without an image is failing, with the reason, and the others are as they are", async () => {
  await using host = await testSystem();
  host.programs.set("systemctl", (argv) =>
    argv
      .filter((word) => word.startsWith("host-container@"))
      .map((unit) => `Id=${unit}\nActiveState=active\nSubState=running\nNRestarts=0\n`)
      .join("\n"),
  );
  const containers = { bare: { enabled: true }, tool: { enabled: true, source: "registry.example.com/tool:v1" } };
  const settings = settingsOf({ "host-containers": containers }, "metal-dev");
  expect(await hostContainerStates(host.system, settings)).toEqual([
    {
      name: "bare",
      state: "no image",
      restarts: 0,
      failing: true,
      reason: "settings.host-containers.bare.source is not set",
    },
    { name: "tool", state: "active (running)", restarts: 0, failing: false },
  ]);
  const all = await hostContainersOf(host.system, settings, { lines: 0 });
  expect(all.map(({ name, state }) => `${name}: ${state}`)).toEqual([
    "admin: active (running)",
    "bare: no image",
    "control: active (running)",
    "tool: active (running)",
  ]);
});

test("a container that waits to be started again is failing, also while something else is done before", async () => {
  await using host = await testSystem();
  const settings = settingsOf({ "host-containers": { admin: { enabled: true } } }, "metal-dev");
  const failing = async (active: string, sub: string): Promise<boolean | undefined> => {
    host.programs.set("systemctl", () => `Id=host-container@admin.service\nActiveState=${active}\nSubState=${sub}\n`);
    return (await hostContainerStates(host.system, settings))[0]?.failing;
  };
  expect(await failing("activating", "start")).toBe(false);
  expect(await failing("activating", "auto-restart")).toBe(true);
  expect(await failing("activating", "auto-restart-queued")).toBe(true);
  expect(await failing("failed", "failed")).toBe(true);
});
