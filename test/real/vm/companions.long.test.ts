/**
 * Protects: admin and control are enabled with nothing else, on a machine without a registry: their images come with the
 * OS, from the update repository, follow its updates, and stay when the repository is away. `companions-inside.long.test.ts` has
 * images that bring them, `ecs.long.test.ts` an instance of ECS.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually } from "../../eventually.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import type { TestHost } from "./test-host.ts";
import { UpdatingHost } from "./updating-host.ts";

const names = ["admin", "control"] as const;
const enabled = names.flatMap((name) => [`[settings.host-containers.${name}]`, "enabled = true"]);

/** Room for the images of two versions. */
const diskBytes = 8 * 2 ** 30;

let published: PublishedImages;
let machine: UpdatingHost;

beforeAll(async () => {
  published = await PublishedImages.open("companions", "dev", { companions: "beside" });
  machine = await UpdatingHost.boot("companions", {
    image: published.images.older.image,
    userData: published.userData(...enabled),
    diskBytes,
  });
});
afterAll(async () => {
  await machine?.[Symbol.asyncDispose]();
  published?.[Symbol.dispose]();
});

/** As the image of the container says, which was made with that version of the OS. */
async function images(host: TestHost): Promise<Record<string, string>> {
  const list = await host.shell.run("ctr -a /run/host-containerd/containerd.sock -n default images ls -q");
  return Object.fromEntries(
    await Promise.all(
      (await (await host.api()).call("getHostContainers", { query: { lines: 0 } }))
        .filter(({ enabled: runs }) => runs)
        .map(async ({ name, digest = "" }) => {
          const show = `ctr -a /run/host-containerd/containerd.sock -n default content get ${digest}`;
          const manifest = await host.shell.run(show);
          const config = /"config":\{[^}]*"digest":"(sha256:[0-9a-f]{64})"/.exec(manifest)?.[1] ?? "none";
          const text = await host.shell.run(`ctr -a /run/host-containerd/containerd.sock content get ${config}`);
          return [name, /image\.version":"([^"]+)"/.exec(text)?.[1] ?? `${list} ${manifest}`] as const;
        }),
    ),
  );
}

const logOf = async (unit: string): Promise<string> =>
  await machine.host.shell.run(`journalctl -b --no-pager -o cat -u ${unit}`);

test("both run from the images that the version was published with", async () => {
  await machine.host.untilRunning(...names);
  expect(await images(machine.host)).toEqual({ admin: older, control: older });
  expect(await logOf("fetch-companion@admin")).toContain("from the update repository");
  expect((await machine.host.exec("admin", ["sh", "-c", "exit 42"])).exitCode).toBe(42);
  expect((await machine.host.exec("control", ["apiclient", "get", "os"])).output).toContain('"variant_id": "dev"');
});

test("a container whose image cannot be had fails and says so, and the host is as it was", async () => {
  await machine.host.commit({
    "host-containers": { unknown: { enabled: true, source: "orlop.local/unknown" } },
  });
  await machine.host.eventually("journalctl -b --no-pager -u host-container@unknown", (output) =>
    output.includes(`cannot get the image unknown that comes with ${older}`),
  );
  expect(await logOf("fetch-companion@unknown")).toContain("the update repository has the version without it");
  // Between two tries it is not failing for a moment.
  await eventually(async () => {
    const { state, boot, reconcilers, hostContainers = [] } = await machine.host.status();
    expect(boot.filter((step) => step.state === "failed")).toEqual([]);
    expect(reconcilers.filter((reconciler) => reconciler.state !== "converged")).toEqual([]);
    expect(hostContainers.map(({ name, failing }) => ({ name, failing }))).toEqual([
      { name: "admin", failing: false },
      { name: "control", failing: false },
      { name: "unknown", failing: true },
    ]);
    expect(state).toBe("degraded");
  }, 120_000);
  await machine.host.reset("settings.host-containers.unknown");
});

test("an update brings those of its version, which run though the repository is away", async () => {
  await machine.apply(newer);
  published[Symbol.dispose]();
  await machine.host.reboot();
  expect(await machine.version()).toBe(newer);
  await machine.host.untilRunning(...names);
  expect(await images(machine.host)).toEqual({ admin: newer, control: newer });
  expect(await logOf("fetch-companion@admin")).not.toContain("from the update repository");
  expect(await machine.host.shell.run("host-ctr clean-up")).toContain("nothing to remove");
});
