/**
 * Protects: bootstrap containers prepare a machine before anything that works on it starts, and a machine that could not
 * be prepared goes no further and says why.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { stringify } from "smol-toml";
import type { StatusBody } from "../../../api/status.ts";
import { prepareImage } from "../../../image/oci/prepare-image.ts";
import type { JsonObject } from "../../../lib/text/json.ts";
import { eventually } from "../../eventually.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { TestHost } from "./test-host.ts";

const preparedMs = 600_000;
const mebibyte = 1024 ** 2;
const mountPoint = "/.bottlerocket/rootfs/mnt/ephemeral";
const own = "/.bottlerocket/bootstrap-containers/current";

/** As people write them: partitions and formats once, mounts at every boot. */
const formatDisk = [
  "disk=$(readlink -f /dev/disk/ephemeral/virtio-eph0)",
  'if [ ! -e "${disk}1" ]; then echo "formatting $disk"',
  'parted --script "$disk" mklabel gpt mkpart primary ext4 1MiB 100%',
  'mkfs.ext4 -q -F "${disk}1"; fi',
  `mkdir -p ${mountPoint}`,
  `mount "\${disk}1" ${mountPoint}`,
  `cat ${own}/user-data > ${mountPoint}/user-data`,
  `echo boot >> ${mountPoint}/boots`,
  "sleep 3",
].join("; ");
const readSettings = `apiclient get settings.motd > ${own}/motd; sleep 3`;
const runOnce = `echo ran >> ${own}/runs`;
const loadModule = "modprobe dummy; test -d /sys/module/dummy";
const fail = `echo looking for something >&2; exit 3`;
const look = [
  "cat /.bottlerocket/rootfs/mnt/ephemeral/user-data > /.bottlerocket/host-containers/current/seen",
  "trap 'exit 0' TERM; sleep infinity & wait",
].join("; ");
const [firstDisk, secondDisk] = ["/dev/disk/ephemeral/virtio-eph1", "/dev/disk/ephemeral/virtio-eph2"];
const storage = [
  ["apiclient", "ephemeral-storage", "init", "--disks", firstDisk, secondDisk],
  ["apiclient", "ephemeral-storage", "bind", "--dirs", "/var/lib/containerd", "/mnt/scratch"],
];

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startTestRegistry({ tls: false, auth: false });
  await using image = await prepareImage();
  await registry.push(image.layout, "test/prepare:v1");
});
afterAll(async () => registry?.[Symbol.asyncDispose]());

function userData(settings: JsonObject): string {
  const mirrors = [{ registry: registry.forGuests, endpoint: [`http://${registry.forGuests}`] }];
  return stringify({ settings: { ...settings, "container-registry": { mirrors } } });
}

const container = (script: string, mode: string, essential: boolean): JsonObject => ({
  source: `${registry.forGuests}/test/prepare:v1`,
  mode,
  essential,
  command: [script],
});

const statesOf = ({ bootstrap = [] }: StatusBody): Record<string, string> =>
  Object.fromEntries(bootstrap.map(({ name, state }) => [name, state]));

async function property(host: TestHost, unit: string, name: string): Promise<number> {
  return Number(await host.shell.run(`systemctl show --value --property=${name} ${unit}`));
}

describe("a machine that is prepared", () => {
  let host: TestHost;
  let status: StatusBody;
  beforeAll(async () => {
    host = await TestHost.make("bootstrap-containers", {
      ephemeralDisksBytes: [256 * mebibyte, 512 * mebibyte, 512 * mebibyte],
      // parted looks whether its root is the host's, and works without knowing.
      denied: /\{ read \} for .* comm="parted" name="root" .* tclass=lnk_file /,
      userData: userData({
        "bootstrap-commands": {
          storage: { commands: storage, mode: "always", essential: true },
          greet: { commands: [["apiclient", "set", "motd=prepared"]], mode: "once", essential: true },
        },
        "bootstrap-containers": {
          disk: {
            ...container(formatDisk, "always", true),
            "user-data": Buffer.from("from user data").toString("base64"),
          },
          settings: container(readSettings, "always", true),
          module: container(loadModule, "always", true),
          first: container(runOnce, "once", false),
          broken: container(fail, "once", false),
        },
        "host-containers": {
          later: {
            source: `${registry.forGuests}/test/prepare:v1`,
            enabled: true,
            superpowered: true,
            command: [look],
          },
        },
      }),
    });
    await host.switchOn();
    status = await host.untilConfigured(preparedMs);
  });
  afterAll(async () => host?.[Symbol.asyncDispose]());

  test("what succeeded is done, what failed is told with its reason, and the boot goes on", async () => {
    expect(statesOf(status)).toEqual({
      greet: "done",
      storage: "done",
      broken: "failed",
      disk: "done",
      first: "done",
      module: "done",
      settings: "done",
    });
    expect(status.halted).toBeUndefined();
    expect(status.state).toBe("degraded");
    expect(status.bootstrap?.find(({ name }) => name === "broken")?.failure).toMatchObject({
      message: expect.stringContaining("3"),
      journal: expect.stringContaining("looking for something"),
    });
    expect((await host.running.consoleLines()).join("\n")).toContain("bootstrap: container broken failed");
    await host.eventually("systemctl is-active multi-user.target", (output) => output === "active", 120_000);
  });

  test("the disk is partitioned, formatted and mounted, seen from the host", async () => {
    expect(await host.shell.run("findmnt -rno SOURCE,FSTYPE /mnt/ephemeral")).toMatch(/^\/dev\/vd[a-z]1 ext4$/);
    expect(await host.shell.run("cat /mnt/ephemeral/user-data")).toBe("from user data");
  });

  test("and from a container that starts later", async () => {
    await host.eventually("cat /local/host-containers/later/seen", (seen) => seen === "from user data", 120_000);
  });

  test("containers run at the same time, after preconfigured.target and before configured.target", async () => {
    const [disk, settings] = ["bootstrap-container@disk.service", "bootstrap-container@settings.service"];
    const started = await Promise.all(
      [disk, settings].map(async (unit) => await property(host, unit, "ExecMainStartTimestampMonotonic")),
    );
    const ended = await Promise.all(
      [disk, settings].map(async (unit) => await property(host, unit, "ExecMainExitTimestampMonotonic")),
    );
    expect(Math.max(...started)).toBeLessThan(Math.min(...ended));
    const reached = async (target: string) => await property(host, target, "ActiveEnterTimestampMonotonic");
    expect(await reached("preconfigured.target")).toBeLessThan(Math.min(...started));
    expect(await reached("configured.target")).toBeGreaterThan(Math.max(...ended));
  });

  test("a container reads settings, which commands have set before", async () => {
    expect(await host.shell.run("cat /local/bootstrap-containers/settings/motd")).toContain("prepared");
  });

  test("a privileged container has inserted a module of this kernel", async () => {
    expect(await host.shell.run("cat /sys/module/dummy/refcnt")).toBe("0");
  });

  test("what was to run once is off when it succeeded, and is not when it failed", async () => {
    const settings = await (await host.api()).call("getSettings", { query: { prefix: "settings.bootstrap" } });
    expect(settings).toMatchObject({
      "bootstrap-commands": { greet: { mode: "off" } },
      "bootstrap-containers": { first: { mode: "off" }, broken: { mode: "once" }, disk: { mode: "always" } },
    });
  });

  test("the socket that a container has goes on to work when the daemon is started again", async () => {
    const inode = await host.shell.run("stat -c %i /run/api.sock");
    await host.shell.run("systemctl kill --signal=SIGKILL hostd.service");
    await host.eventually("apiclient get settings.motd", (output) => output.includes("prepared"), 60_000);
    expect(await host.shell.run("stat -c %i /run/api.sock")).toBe(inode);
    expect(await host.shell.run("apiclient exec later -- apiclient get settings.motd")).toContain("prepared");
  });

  test("several ephemeral disks are one, with directories of the host on it, also after a reboot", async () => {
    for (const look of ["first", "again"]) {
      expect(await host.shell.run("findmnt -rno SOURCE,FSTYPE /mnt/.ephemeral")).toMatch(/^\/dev\/md\S+ xfs$/);
      for (const path of ["/var/lib/containerd", "/mnt/scratch"]) {
        expect(await host.shell.run(`findmnt -rno FSTYPE ${path}`)).toBe("xfs");
      }
      expect(Number(await host.shell.run("findmnt -bno SIZE /mnt/scratch"))).toBeGreaterThan(800 * mebibyte);
      if (look === "again") break;
      await host.shell.run("echo kept > /mnt/scratch/file && sync");
      await host.reboot();
    }
    expect(await host.shell.run("cat /mnt/scratch/file")).toBe("kept");
  });

  test("after a reboot, only what runs always and what failed has run again", async () => {
    const again = await host.reboot();
    expect(statesOf(again)).toEqual({
      storage: "done",
      broken: "failed",
      disk: "done",
      module: "done",
      settings: "done",
    });
    expect(await host.shell.run("cat /mnt/ephemeral/boots")).toBe("boot\nboot\nboot");
    expect(await host.shell.run("cat /local/bootstrap-containers/first/runs")).toBe("ran");
  });
});

describe("a machine that cannot be prepared", () => {
  let host: TestHost;
  let status: StatusBody;
  beforeAll(async () => {
    host = await TestHost.make("bootstrap-halted", {
      userData: userData({ "bootstrap-containers": { disk: container(fail, "once", true) } }),
    });
    await host.switchOn();
    status = await host.untilConfigured(preparedMs);
  });
  afterAll(async () => host?.[Symbol.asyncDispose]());

  test("halts, with the reason in its status and on its console", async () => {
    expect(status.state).toBe("degraded");
    expect(status.halted).toStartWith("essential bootstrap container disk failed: ");
    expect(status.bootstrap?.[0]?.failure?.journal).toContain("looking for something");
    // The status is written first.
    await eventually(async () => {
      const console = (await host.running.consoleLines()).join("\n");
      expect(console).toContain("bootstrap: the boot stops here: essential bootstrap container disk failed");
      expect(console).toContain("looking for something");
    });
    expect(await host.shell.run("apiclient status")).toContain("the boot stopped: essential bootstrap container disk");
  });

  test("nothing of the orchestrator has started", async () => {
    for (const unit of ["configured.target", "multi-user.target", "containerd.service"]) {
      expect((await host.shell.try(`systemctl is-active ${unit}`)).output).toBe("inactive");
    }
  });

  test("is repaired through its API, and comes up", async () => {
    await host.commit({ "bootstrap-containers": { disk: { mode: "off" } } });
    const again = await host.reboot();
    expect(again).toMatchObject({ state: "running" });
    await host.eventually("systemctl is-active multi-user.target", (output) => output === "active", 120_000);
  });
});
