/**
 * Protects: admin and control are enabled with nothing else, on a machine without a registry: their images come with the
 * OS, from the update repository or in the image itself, follow its updates, and stay when the repository is away. An instance of
 * AWS and ECS is that of `ecs.long.test.ts`.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { builtImage } from "../../../cli/built-image.ts";
import { makeCdRom } from "./cd-rom.ts";
import { newer, older, PublishedImages } from "./published-images.ts";
import { directory, TestHost } from "./test-host.ts";
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

const logOf = async (name: string): Promise<string> =>
  await machine.host.shell.run(`journalctl -b --no-pager -o cat -u host-container@${name}`);

test("both run from the images that the version was published with", async () => {
  await machine.host.untilRunning(...names);
  expect(await images(machine.host)).toEqual({ admin: older, control: older });
  expect(await logOf("admin")).toContain("from the update repository");
  expect((await machine.host.exec("admin", ["sh", "-c", "exit 42"])).exitCode).toBe(42);
  expect((await machine.host.exec("control", ["apiclient", "get", "os"])).output).toContain('"variant_id": "dev"');
});

test("an update brings those of its version, which run though the repository is away", async () => {
  await machine.apply(newer);
  published[Symbol.dispose]();
  await machine.host.reboot();
  expect(await machine.proved()).toBe(newer);
  await machine.host.untilRunning(...names);
  expect(await images(machine.host)).toEqual({ admin: newer, control: newer });
  expect(await logOf("admin")).not.toContain("from the update repository");
  expect(await machine.host.shell.run("host-ctr clean-up")).toContain("nothing to remove");
});

test("a container whose image cannot be had fails and says so, and the host is as it was", async () => {
  await machine.host.commit({
    "host-containers": { unknown: { enabled: true, source: "orlop.local/unknown" } },
  });
  await machine.host.eventually("journalctl -b --no-pager -u host-container@unknown", (output) =>
    output.includes(`cannot get the image unknown that comes with ${newer}`),
  );
  const { state, hostContainers = [] } = await machine.host.status();
  expect(state).toBe("running");
  expect(hostContainers.map(({ name, failing }) => ({ name, failing }))).toEqual([
    { name: "admin", failing: false },
    { name: "control", failing: false },
    { name: "unknown", failing: expect.any(Boolean) },
  ]);
});

/** How each finds its user data. */
const places = {
  "metal-dev": async (document: string) => {
    return await Promise.resolve({ userData: document, userDataBy: "private-partition" as const });
  },
  "vmware-k8s-1.20": async (document: string) => {
    const cdRom = join(directory, "companions-inside.iso");
    await makeCdRom(cdRom, { "user-data": document });
    return { vendor: "VMware, Inc.", cdRom };
  },
};

test.each(["metal-dev", "vmware-k8s-1.20"] as const)(
  "%s: an image that has them inside needs no repository at all",
  async (variant) => {
    const { image } = await builtImage(
      {
        variant,
        architecture: "x86_64",
        companions: "inside",
        output: join(import.meta.dir, "../../../build/test/companions-inside"),
      },
      new AbortController().signal,
    );
    const handOver = places[variant];
    const options = { image, userData: enabled.join("\n"), handOver, shell: false, diskBytes, memoryMiB: 2048 };
    await using host = await TestHost.make(`companions-${variant}`, options);
    await host.switchOn("without shell");
    expect((await host.untilConfigured()).os.variant_id).toBe(variant);
    await host.untilRunning(...names);
    const release = await host.exec("admin", ["sheltie", "-c", "cat /usr/lib/os-release; ls /usr/share/orlop/images"]);
    expect(release.output).toContain(`VARIANT_ID=${variant}`);
    expect(release.output).toContain("admin.tar");
    expect((await host.exec("control", ["apiclient", "get", "os"])).output).toContain(`"variant_id": "${variant}"`);
  },
);
