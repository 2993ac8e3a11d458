/**
 * Protects: what `plan` says will change and restart is what changes and restarts, and nothing else.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Plan } from "../../../api/answers.ts";
import type { JsonObject } from "../../../lib/text/json.ts";
import { TestHost } from "./test-host.ts";

const bootedTimeoutMs = 300_000;

let host: TestHost;
beforeAll(async () => {
  host = await TestHost.boot("plan");
  await host.shell.run("systemctl is-system-running --wait", bootedTimeoutMs);
  // It is active for as long as it runs, once after each boot.
  const ended = (state: string): boolean => state === "inactive";
  await host.eventually("systemctl show --value -p ActiveState metricdog-boot.service", ended, bootedTimeoutMs);
});
afterAll(async () => host?.[Symbol.asyncDispose]());

/** Every service, by the id that changes when it is started, and by when it was last reloaded. */
async function services(): Promise<Map<string, string>> {
  const text = await host.shell.run(
    "systemctl show --type=service --all -p Id -p InvocationID -p ActiveState -p ReloadResult '*.service'",
  );
  return new Map(
    text.split("\n\n").flatMap((block) => {
      const field = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(block)?.[1] ?? "";
      // What runs once and by timers comes and goes without anybody's doing.
      return field("ActiveState") === "active" ? [[field("Id"), field("InvocationID")] as const] : [];
    }),
  );
}

/** Every rendered file by its content. */
async function files(): Promise<Map<string, string>> {
  const text = await host.shell.run("find /etc -type f -exec sha256sum {} +; find /etc -type l -printf '%l  %p\\n'");
  return new Map(
    text.split("\n").map((line) => {
      const [hash = "", path = ""] = line.split(/\s+/);
      return [path, hash] as const;
    }),
  );
}

function difference(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .toSorted();
}

function planned(plan: Plan): { files: string[]; restarted: string[] } {
  const effects = plan.reconcilers.flatMap((reconciler) => reconciler.effects);
  const units = effects.flatMap((effect) => effect.units ?? []);
  return {
    files: [...new Set(effects.flatMap(({ file }) => (file === undefined ? [] : [file.path])))].toSorted(),
    restarted: [...new Set(units.flatMap(({ name, action }) => (action === "reload" ? [] : [name])))].toSorted(),
  };
}

const cases: Record<string, JsonObject> = {
  "a greeting, which nobody reads but people": { motd: "planned" },
  "time servers, for which chronyd restarts": { ntp: { "time-servers": ["10.0.2.2"] } },
  "a proxy, for which containerd restarts": { network: { "https-proxy": "http://10.0.2.2:3128" } },
  "several at once": {
    motd: "planned again",
    network: { hostname: "planned", hosts: [["10.1.1.1", ["one"]]] },
    ntp: { options: ["iburst", "minpoll 5"] },
    kernel: { sysctl: { "net.ipv4.ip_default_ttl": "66" } },
    dns: { "search-list": ["planned.test"] },
  },
  "what is so already": { motd: "planned again" },
};

for (const [name, settings] of Object.entries(cases)) {
  test(`the plan of ${name} is what happens`, async () => {
    const api = await host.api();
    const plan = await api.call("plan", { body: { set: settings } });
    const [servicesBefore, filesBefore] = [await services(), await files()];
    const applied = await host.commit(settings).catch((error: unknown) => {
      if (plan.changes.length === 0) return undefined; // nothing to commit
      throw error;
    });
    const [servicesAfter, filesAfter] = [await services(), await files()];
    expect({
      files: difference(filesBefore, filesAfter),
      restarted: difference(servicesBefore, servicesAfter),
    }).toEqual(planned(plan));
    expect(applied?.changed.toSorted() ?? []).toEqual(plan.changes.map(({ key }) => key).toSorted());
  });
}

test("planning changes nothing", async () => {
  const [versionBefore, filesBefore] = [(await host.status()).settings.version, await files()];
  await (await host.api()).call("plan", { body: { set: { motd: "only thought of" } } });
  expect((await host.status()).settings.version).toBe(versionBefore);
  expect(difference(filesBefore, await files())).toEqual([]);
});

test("a plan that needs a reboot says so", async () => {
  const plan = await (await host.api()).call("plan", { body: { set: { kernel: { lockdown: "integrity" } } } });
  expect(plan.reconcilers.some(({ name, effects }) => name === "lockdown" && effects.length > 0)).toBe(true);
});
