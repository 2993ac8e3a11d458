/** Protects: a host obeys its cluster's fleet when its settings ask for it, in Bottlerocket's words too, and never otherwise. */
import { expect, test } from "bun:test";
import { eventually } from "../../test/eventually.ts";
import { joinedNode } from "../../test/worlds/host/joined-node.ts";
import { factsOf, settingsOf } from "../../test/worlds/host/settings.ts";
import { testSystem } from "../../test/worlds/host/system.ts";
import { clientCertificate } from "../files/kubernetes/paths.ts";
import { Updater } from "../update/updater.ts";
import { keepFleet } from "./fleet.ts";

const variant = "metal-k8s-1.20";
const brupopLabel = { "bottlerocket.aws/updater-interface-version": "2.0.0" };

/** A node with kubelet's certificate, that does as its settings say; what it wants to know of the cluster. */
async function node(kubernetes: object) {
  const stop = new AbortController();
  const opened = new AsyncDisposableStack();
  const asked: string[] = [];
  const fetch = async (url: URL): Promise<Response> => {
    if (url.pathname.startsWith("/api/v1/nodes"))
      asked.push(`${url.pathname} ${url.searchParams.get("fieldSelector")}`);
    return await Promise.resolve(new Response("", { status: 503 }));
  };
  const machine = opened.use(await testSystem({ fetch }));
  await machine.write(clientCertificate, "a certificate and its key\n");
  await machine.write("/proc/sys/kernel/random/boot_id", "boot-1\n");
  const settings = settingsOf({ kubernetes: { ...joinedNode, "hostname-override": "node-1", ...kubernetes } }, variant);
  const { system } = machine;
  const running = { version: "1.0.0", variant, arch: "x86_64" } as const;
  const updater = opened.use(
    await Updater.open({
      system,
      running,
      settings: () => settings,
      values: () => new Map(),
      ailments: async () => await Promise.resolve([]),
    }),
  );
  let isKept = false;
  const host = {
    system,
    facts: factsOf(variant),
    updater,
    currentSettings: { settings: () => settings },
    audit: { obeyed: async () => await Promise.resolve() },
    datastore: {
      version: 1,
      async changedSince(_known: number, signal: AbortSignal): Promise<number> {
        isKept = true;
        return await new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason as Error)),
        );
      },
    },
  };
  const kept = keepFleet(host, stop.signal).catch(() => undefined); // it ends by the signal
  opened.defer(async () => {
    stop.abort();
    await kept;
  });
  return { asked, isKept: () => isKept, [Symbol.asyncDispose]: async () => await opened.disposeAsync() };
}

test.each([
  ["its setting", { "updates-by-cluster": true }],
  ["brupop's label and nothing else", { "node-labels": brupopLabel }],
])(
  "by %s a host follows its own Node",
  async (_, kubernetes) => {
    await using host = await node(kubernetes);
    await eventually(() => expect(host.asked).toContain("/api/v1/nodes metadata.name=node-1"));
  },
  30_000,
);

test("a host that nobody asked to obey asks its cluster for nothing", async () => {
  await using host = await node({ "node-labels": { pool: "web" } });
  await eventually(() => expect(host.isKept()).toBe(true));
  for (let turns = 0; turns < 50; turns++) await Bun.sleep(1);
  expect(host.asked).toEqual([]);
}, 30_000);
