import { expect, test } from "bun:test";
import { isPresent } from "../../lib/files/files.ts";
import type { JsonObject } from "../../lib/text/json.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { hostPath } from "../machine/system.ts";
import { describedBy, hostContainers, planHostContainers } from "./host-containers.ts";

const facts = factsOf();
const tool = { enabled: true, source: "registry.example.com/tool:v1" };

test("an enabled container starts, a changed one starts anew, a disabled one stops, then all rests", async () => {
  await using host = await testSystem();
  let state = "inactive";
  host.programs.set("systemctl", ([, verb, , ...rest]) => {
    if (verb === "show") return `Id=${rest[0] ?? ""}\nNames=${rest[0] ?? ""}\nActiveState=${state}\n`;
    state = verb === "stop" ? "inactive" : "active";
    return "";
  });
  const descriptions = async (containers: JsonObject) =>
    (await hostContainers.reconcile(host.system, settingsOf({ "host-containers": containers }), facts)).effects.map(
      (effect) => effect.description,
    );

  expect(await descriptions({ tool })).toEqual(["start host container tool"]);
  expect(await descriptions({ tool })).toEqual([]);
  const changed = { tool: { ...tool, superpowered: true } };
  expect(await descriptions(changed)).toEqual(["restart host container tool"]);
  expect(await descriptions({ tool: { ...tool, enabled: false } })).toEqual(["stop host container tool"]);
  expect(await descriptions({ tool: { ...tool, enabled: false } })).toEqual([]);
});

test("the user data of a container that was switched off is no longer on the disk; what it keeps stays", async () => {
  await using host = await testSystem();
  host.programs.set("systemctl", ([, verb, , ...rest]) =>
    verb === "show" ? `Id=${rest[0] ?? ""}\nNames=${rest[0] ?? ""}\nActiveState=active\n` : "",
  );
  const pass = async (enabled: boolean) => {
    const containers = { tool: { ...tool, enabled, "user-data": "aHVudGVyMg==" } };
    await hostContainers.reconcile(host.system, settingsOf({ "host-containers": containers }), facts);
  };
  const directory = "/local/host-containers/tool";
  await pass(true);
  await host.write(`${directory}/user-data`, "hunter2"); // as the unit does, from its description
  await host.write(`${directory}/kept`, "its own");
  await pass(false);
  const present = async (path: string): Promise<boolean> => await isPresent(hostPath(host.system, path));
  expect(await present(`${directory}/user-data`)).toBe(false);
  expect(await present("/run/orlop/containers/host/tool.json")).toBe(false);
  expect(await host.read(`${directory}/kept`)).toBe("its own");
});

test("an enabled container without an image is left alone, and the others start", () => {
  const containers = { bare: { enabled: true }, tool };
  const settings = settingsOf({ "host-containers": containers }, "metal-dev");
  expect(describedBy(settings).map(({ name }) => name)).toEqual(["tool"]);
});

test("admin and control are enabled with nothing else: their images come with the OS", () => {
  const containers = { admin: { enabled: true }, control: { enabled: true, source: "registry.example.com/own:v1" } };
  expect(describedBy(settingsOf({ "host-containers": containers }))).toMatchObject([
    { name: "admin", source: "orlop.local/admin", superpowered: true },
    { name: "control", source: "registry.example.com/own:v1", superpowered: false },
  ]);
});

test("a daemon that died before the unit was started anew starts it anew when it comes back", () => {
  const desired = describedBy(settingsOf({ "host-containers": { tool } }));
  const unit = "host-container@tool.service";
  const steps = planHostContainers(desired, {
    active: new Set([unit]),
    records: new Map([[unit, "hash of an older one"]]),
    described: ["tool"],
  });
  expect(steps).toMatchObject([{ kind: "run", action: "restart" }]);
});
