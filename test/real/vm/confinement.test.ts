/**
 * Protects: what a container does stays in it, whether it tries to get out, takes all there is, or is given what is not
 * its own; and images come the way that settings say at that moment.
 *
 * docs/decisions/0040-confinement.md says what is claimed and what is not; each claim is tried to be broken here.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { JsonObject } from "../../../lib/text/json.ts";
import { hostOfGuests } from "../../../vm/qemu/qemu.ts";
import { TestAuthority } from "../../worlds/network/certificates.ts";
import { startHttpsProxy, type HttpsProxy } from "../../worlds/network/https-proxy.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { registryName, startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { eventually } from "../../eventually.ts";
import { attempts, escapesOf, prepareEscapes, type Attempt } from "./escape.ts";
import { TestHost } from "./test-host.ts";

const login = { username: "proxyuser", password: "p@ss:word" };
const image = "test/busybox:v1";
/** None of its layers is there already. */
const foreignImage = "test/other:v1";

const startsToSleep = { entrypoint: ["/bin/sh", "-c"], command: ["exec sleep 10d"] };

let host: TestHost;
let registry: TestRegistry;
let proxy: HttpsProxy;
let here: string;
let elsewhere: string;

beforeAll(async () => {
  registry = await startTestRegistry({ tls: true, auth: true });
  await using layout = await busyboxImage(startsToSleep);
  await registry.push(layout.layout, image);
  await using foreign = await busyboxImage({ ...startsToSleep, files: { "/etc/other": "other" } });
  await registry.push(foreign.layout, foreignImage);
  const company = await TestAuthority.make("company");
  proxy = await startHttpsProxy(await company.server([hostOfGuests]), login);
  here = registry.forGuests;
  elsewhere = `${registryName}:${registry.port}`;
  host = await TestHost.boot("confinement", {
    denied: "expected",
    userData: JSON.stringify({
      settings: {
        pki: { ...registry.pki, company: { data: company.setting, trusted: true } },
        "container-registry": { credentials: [here, elsewhere].map((name) => registry.credential(name)) },
        "host-containers": { plain: container(here), super: { ...container(here), superpowered: true } },
      },
    }),
  });
  await host.untilRunning("plain", "super");
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

const container = (from: string): JsonObject => ({ enabled: true, source: `${from}/${image}` });

const inContainer = async (name: string, script: string) => await host.exec(name, ["/bin/sh", "-c", script]);

describe("a container of the host without privileges", () => {
  /** What each does succeeds where it is allowed, and changes nothing there. */
  const attempts = {
    "mounts a file system": "mount -t tmpfs none /tmp && umount /tmp",
    "reads the disk": 'mknod /tmp/disk b $(tr : " " < /sys/class/block/vda/dev) && head -c 512 /tmp/disk',
    "makes a namespace": "unshare -m true",
    "enters another's namespace": "nsenter -t 1 -m true",
    "sets a kernel parameter": "cat /proc/sys/vm/swappiness > /proc/sys/vm/swappiness",
    "presses the magic key": "echo h > /proc/sysrq-trigger",
    // busybox exits 0 all the same.
    "sets the clock": `! date -s "$(date '+%Y-%m-%d %H:%M:%S')" 2>&1 | grep -q "can't set"`,
    "names the machine": 'hostname "$(hostname)"',
    "configures a network card": "ip link set lo mtu 65536",
    "reads the kernel's log": "dmesg | grep -q .",
    "sees the host's processes": "grep -qx systemd /proc/1/comm",
    "sees the host's files": "ls /.bottlerocket/rootfs/usr/bin/hostd",
    "reaches the containerd of the host": "ls /.bottlerocket/rootfs/run/host-containerd/containerd.sock",
    "sees kernel modules": "ls /lib/modules/$(uname -r)",
  };
  const script = Object.entries(attempts)
    .map(([name, attempt]) => `(${attempt}) >/dev/null 2>&1 && echo "${name}"`)
    .join("\n");

  test("succeeds in none of its attempts, of which a superpowered one succeeds in all", async () => {
    expect((await inContainer("super", script)).output.trim().split("\n")).toEqual(Object.keys(attempts));
    expect((await inContainer("plain", script)).output).toBe("");
  });
});

test.each(["plain", "super"])(
  "a program in %s opens its output anew, as those do whose log is /dev/stdout",
  async (name) => {
    const script = "echo said > /dev/stdout && echo said > /proc/self/fd/1 && echo said > /dev/stderr";
    expect(await inContainer(name, script)).toEqual({ output: "said\n".repeat(3), exitCode: 0 });
  },
);

test("nobody makes a user namespace", async () => {
  expect(await inContainer("super", "unshare -m true")).toEqual({ output: "", exitCode: 0 });
  expect((await inContainer("super", "unshare -U true")).exitCode).not.toBe(0);
});

test("not even a superpowered one changes the verified root", async () => {
  const root = "/.bottlerocket/rootfs";
  const write = `mount -o remount,rw ${root}; nsenter -t 1 -m mount -o remount,rw /; touch ${root}/usr/made`;
  expect((await inContainer("super", write)).exitCode).not.toBe(0);
  const disk = "blockdev --setrw /dev/dm-0; dd if=/dev/zero of=/dev/dm-0 bs=4096 count=1 conv=fsync";
  expect((await inContainer("super", disk)).exitCode).not.toBe(0);
  expect(await host.shell.run("ls /usr/bin/hostd")).toBe("/usr/bin/hostd");
});

describe("the API's socket", () => {
  const asPod = "systemd-run --quiet --pipe --wait --slice=kubepods.slice --uid=0 apiclient get settings.motd";

  test("is of no use to root in what the orchestrator runs, unless settings say so", async () => {
    const scope = asPod.replace("--pipe --wait", "--scope");
    for (const command of [asPod, scope]) {
      const { output, exitCode } = await host.shell.try(command);
      expect(exitCode).not.toBe(0);
      expect(output).toContain("a container of the orchestrator has no role");
    }
    await host.commit({ api: { socket: { workloads: true } } });
    expect(await host.shell.run(asPod)).toContain("Welcome to Orlop!");
    await host.reset("settings.api.socket.workloads");
    expect((await host.shell.try(asPod)).exitCode).not.toBe(0);
  });

  test("answers a container of the host as its role says, and the history has which one it was", async () => {
    // In the group of a container of that name: the client needs a C library, which the image here has not.
    const inGroup = "systemd-run --quiet --scope --slice=host-containers.slice --unit=orlop-tester --uid=0";
    const escape = `${inGroup} apiclient set host-containers.tester.superpowered=true`;
    const asRole = async (api: string) => await host.commit({ "host-containers": { tester: { api } } });
    await asRole("read-only");
    expect(await host.shell.run(`${inGroup} apiclient get settings.motd`)).toContain("Welcome to Orlop!");
    const refused = await host.shell.try(escape);
    expect(refused.output).toContain("it needs the role admin, and container tester has read-only");
    expect(refused.exitCode).not.toBe(0);
    await asRole("none");
    expect((await host.shell.try(escape)).output).toContain("container tester has no role");
    await asRole("admin");
    await host.shell.run(escape);
    const [newest] = await (await host.api()).call("getHistory", { query: { limit: 1 } });
    expect(newest?.by).toMatchObject({ kind: "socket", container: "tester" });
    await host.reset("settings.host-containers.tester");
  });

  test("is not in a container whose role is none", async () => {
    const mounted = "test -S /run/api.sock && echo there || echo none";
    expect((await inContainer("plain", mounted)).output).toBe("there\n");
    await host.commit({ "host-containers": { plain: { api: "none" } } });
    // It is started anew.
    await eventually(async () => expect((await inContainer("plain", mounted)).output).toBe("none\n"), 120_000);
  });

  test.each(["_chrony", "systemd-network", "systemd-resolve"])(
    "is out of reach of %s, whose service faces the network, and so are settings and images",
    async (user) => {
      const as = `setpriv --reuid=${user} --regid=${user} --clear-groups`;
      await host.shell.run(`${as} true`);
      for (const attempt of [
        "apiclient get settings.motd",
        "ls /var/lib/orlop/datastore",
        "ls /var/lib/host-containerd",
        "ls /local/host-containers/plain",
        "touch /etc/made",
      ]) {
        expect((await host.shell.try(`${as} ${attempt}`)).exitCode).not.toBe(0);
      }
    },
  );
});

describe("root with every capability, device and file of the host", () => {
  /** What the label of a privileged container is no obstacle to: where it has all categories, as a privileged pod has. */
  const ofPrivileged: readonly Attempt[] = ["reaches the API"];
  const ofAllCategories: readonly Attempt[] = [
    "reads what a container of the host keeps",
    "reads what another container has",
  ];

  test("is held by its label: as an ordinary container it succeeds in nothing, superpowered in all", async () => {
    expect((await host.status()).selinux).toBe("enforcing");
    await prepareEscapes(host);
    expect(await escapesOf(host, { type: "container_t", level: "s0:c1,c2" })).toEqual([]);
    // But for what nobody succeeds in: the kernel starts programs of the image alone.
    const everything = await escapesOf(host, { type: "super_t", level: "s0-s0:c0.c1023" });
    expect(everything).toEqual(Object.keys(attempts));
  });

  test("as a privileged container it reaches the API, and as a privileged pod also what containers have", async () => {
    expect(await escapesOf(host, { type: "control_t", level: "s0:c1,c2" })).toEqual([...ofPrivileged]);
    expect(await escapesOf(host, { type: "control_t", level: "s0-s0:c0.c1023" })).toEqual([
      ...ofPrivileged,
      ...ofAllCategories,
    ]);
  });

  test("nobody switches the policy off", async () => {
    for (const attempt of [
      "echo 0 > /sys/fs/selinux/enforce",
      "cat /etc/selinux/orlop/policy/* > /sys/fs/selinux/load",
    ]) {
      expect((await host.shell.try(attempt)).exitCode).not.toBe(0);
      expect((await inContainer("super", attempt.replaceAll("/etc", "/.bottlerocket/rootfs/etc"))).exitCode).not.toBe(
        0,
      );
    }
    expect((await host.status()).selinux).toBe("enforcing");
  });
});

describe("a module built for this kernel, without a signature", () => {
  // The kernel looks for the signature's last line, which is cut off.
  const insert = [
    "head -c -28 /lib/modules/$(uname -r)/kernel/drivers/net/dummy.ko > /tmp/dummy.ko",
    "insmod /tmp/dummy.ko && rmmod dummy",
  ].join(" && ");

  test("is inserted by a privileged container when lockdown is none, and by no other", async () => {
    expect(await host.shell.run("cat /sys/kernel/security/lockdown")).toContain("[none]");
    expect(await inContainer("super", insert)).toEqual({ output: "", exitCode: 0 });
    await host.shell.run("cp /lib/modules/$(uname -r)/kernel/drivers/net/dummy.ko /local/host-containers/plain/");
    const { output } = await inContainer("plain", "insmod /.bottlerocket/host-containers/current/dummy.ko");
    expect(output).toMatch(/not permitted/);
  });

  test("is refused as not permitted under integrity, where a signed one is still inserted", async () => {
    await host.commit({ kernel: { lockdown: "integrity" } });
    const { output, exitCode } = await inContainer("super", insert);
    expect(exitCode).not.toBe(0);
    expect(output).toMatch(/not permitted/i);
    expect(await host.shell.run("dmesg")).toMatch(/Lockdown: insmod: unsigned module loading is restricted/);
    const signed = "insmod /lib/modules/$(uname -r)/kernel/drivers/net/dummy.ko && rmmod dummy";
    expect(await inContainer("super", signed)).toEqual({ output: "", exitCode: 0 });
  });
});

describe("an image comes the way that settings say at that moment", () => {
  const proxyUrl = () =>
    `https://${login.username}:${encodeURIComponent(login.password)}@${hostOfGuests}:${proxy.port}`;
  const run = async (name: string, from: string, network: JsonObject): Promise<void> => {
    await host.commit({ network, "host-containers": { [name]: container(from) } });
    await host.untilRunning(name);
  };

  test("through a proxy that wants TLS and a password, and whose authority is in settings.pki", async () => {
    await run("proxied", elsewhere, { "https-proxy": proxyUrl() });
    expect(new Set(proxy.connected)).toEqual(new Set([elsewhere]));
    expect((await inContainer("proxied", "echo $HTTPS_PROXY")).output.trim()).toBe(proxyUrl());
  });

  test("past it for addresses and domains of no-proxy", async () => {
    const before = proxy.connected.length;
    await run("by-address", here, { "no-proxy": ["10.0.0.0/8"] });
    await run("by-domain", elsewhere, { "no-proxy": [".example.com"], hosts: [[hostOfGuests, [registryName]]] });
    expect(proxy.connected.length).toBe(before);
  });

  test("directly when there is no proxy any more", async () => {
    await host.reset("settings.network.https-proxy", "settings.network.no-proxy");
    const before = proxy.connected.length;
    await run("direct", elsewhere, {});
    expect(proxy.connected.length).toBe(before);
    expect((await inContainer("direct", "echo $HTTPS_PROXY")).output.trim()).toBe("");
  });
});

describe("what takes all there is", () => {
  const processes = "systemctl show --value --property=MainPID hostd.service host-containerd.service";

  test("memory: the container is killed and started again, and nothing else of the host is", async () => {
    const before = await host.shell.run(processes);
    const command = [
      "cd /.bottlerocket/host-containers/current; [ -e been ] && exec sleep 10d; touch been; exec tail -c 1900m /dev/zero",
    ];
    await host.commit({ "host-containers": { hungry: { ...container(here), command } } });
    await host.eventually("cat /local/host-containers/hungry/been", () => true, 120_000);
    await host.untilRunning("hungry");
    await host.eventually("dmesg", (text) => /Out of memory: Killed process \d+ \(tail\)/.test(text), 120_000);
    await host.eventually(
      "systemctl show --value -p NRestarts host-container@hungry",
      (restarts) => restarts === "1",
      120_000,
    );
    await host.untilRunning("hungry");
    const { hostContainers = [] } = await host.status();
    expect(hostContainers.find(({ name }) => name === "hungry")?.restarts).toBe(1);
    expect(await host.shell.run(processes)).toBe(before);
    expect((await inContainer("plain", "echo still here")).output).toContain("still here");
  });

  test("the disk: settings are still changed, a new image says why it cannot come, and comes once it can", async () => {
    await host.shell.run("fallocate -l $(df --output=avail -B1 /local | tail -1) /local/full || true");
    await host.shell.run("dd if=/dev/zero of=/local/rest bs=4096 || true", 120_000);
    const late = { ...container(here), source: `${here}/${foreignImage}` };
    const applied = await host.commit({ motd: "full", "host-containers": { late } });
    expect(applied.result?.reconcilers.filter(({ failure }) => failure !== undefined)).toEqual([]);
    expect(await host.shell.run("cat /etc/motd")).toBe("full");
    await host.eventually(
      "journalctl --no-pager -o cat -u host-container@late",
      (log) => /no space left on device/i.test(log),
      120_000,
    );
    expect((await inContainer("plain", "echo still here")).output).toContain("still here");
    await host.shell.run("rm /local/full /local/rest");
    await host.untilRunning("late");
  });
});
