/**
 * Protects: the host's own containers run whatever happens to the daemon and to the registry, people get into them from
 * afar, and what they do there is on record.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { builtContainer } from "../../../cli/image/built-image.ts";
import { busyboxImage } from "../../worlds/containers/oci-image.ts";
import { startTestRegistry, type TestRegistry } from "../../worlds/containers/registry.ts";
import { TestHost } from "./test-host.ts";

const names = ["admin", "control"] as const;
type Name = (typeof names)[number];

/**
 * What Bottlerocket's public images do with what they find, in images of the same layout. Source: start_admin.sh and sheltie
 * of bottlerocket-admin-container; start_control_ssm.sh and enable-admin-container of bottlerocket-control-container.
 */
const publicImages = {
  "public-admin": {
    superpowered: true,
    start: `current=/.bottlerocket/host-containers/current
[ -s $current/user-data ] || exec sleep 1d
mkdir -p $current/etc/ssh
[ -s $current/etc/ssh/ssh_host_ed25519_key ] || cat /proc/sys/kernel/random/uuid > $current/etc/ssh/ssh_host_ed25519_key
for console in $(tr " " "\n" < /proc/cmdline | sed -n "s/^console=//p"); do
  [ -c /.bottlerocket/rootfs/dev/\${console%,*} ] && echo "console $console"
done
echo "group of the API $(stat -c %g /run/api.sock)"
exec sleep 1d`,
  },
  "public-control": {
    superpowered: false,
    start: `current=/.bottlerocket/host-containers/current
mkdir -p /etc/pki/ca-trust/source/anchors
for cert in $(ls -1 /.bottlerocket/certs); do
  ln -s /.bottlerocket/certs/$cert /etc/pki/ca-trust/source/anchors/$cert
  echo "certificates $cert"
done
mkdir -p $current/ssm
[ -s $current/user-data ] && echo "user data $(cat $current/user-data)"
exec sleep 1d`,
  },
} as const;
const publicNames = ["public-admin", "public-control"] as const;

const killingMs = 600_000;

let host: TestHost;
let registry: TestRegistry;
const digests = new Map<Name, string>();

beforeAll(async () => {
  registry = await startTestRegistry({ tls: true, auth: true });
  for (const image of names) {
    const { layout, digest } = await builtContainer({ image, architecture: "x86_64" }, new AbortController().signal);
    await registry.push(layout, `orlop/${image}:v1`);
    digests.set(image, digest);
  }
  for (const name of publicNames) {
    const files = { "/usr/sbin/start.sh": publicImages[name].start };
    const environment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" }; // as in Amazon Linux
    const entrypoint = ["/bin/sh", "/usr/sbin/start.sh"];
    await using image = await busyboxImage({ entrypoint, files, environment, glibc: true });
    await registry.push(image.layout, `orlop/${name}:v1`);
  }
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqj0bnkYIa9MYX3DLd8rR5aWcGuCTTnX6VcBwwE5JGO somebody";
  const userData = Buffer.from(JSON.stringify({ user: "ops", ssh: { "authorized-keys": [key] } })).toString("base64");
  host = await TestHost.boot("host-containers", {
    userData: JSON.stringify({
      settings: {
        pki: registry.pki,
        "container-registry": { credentials: [registry.credential(registry.forGuests)] },
        "host-containers": {
          admin: {
            enabled: true,
            superpowered: true,
            source: `${registry.forGuests}/orlop/admin:v1`,
            "user-data": userData,
          },
          control: { enabled: true, source: `${registry.forGuests}/orlop/control:v1` },
          ...Object.fromEntries(
            publicNames.map((name) => [
              name,
              {
                enabled: true,
                superpowered: publicImages[name].superpowered,
                source: `${registry.forGuests}/orlop/${name}:v1`,
                "user-data": Buffer.from('{"ssm":{"region":"eu-west-1"}}').toString("base64"),
              },
            ]),
          ),
        },
      },
    }),
  });
});
afterAll(async () => {
  await host?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
});

async function containers(lines = 200) {
  const all = await (await host.api()).call("getHostContainers", { query: { lines } });
  return new Map(all.map((container) => [container.name, container]));
}

/** When the first process of the control container began, in ticks since the boot. */
const began = async (): Promise<string> =>
  (await host.exec("control", ["cut", "-d", " ", "-f", "22", "/proc/1/stat"])).output;

test("both are pulled from a registry with a password, run, and tell how they do", async () => {
  await host.untilRunning(...names);
  const all = await containers();
  for (const name of names) {
    const { restarts, digest, log = [] } = all.get(name) ?? {};
    expect({ restarts, digest }).toEqual({ restarts: 0, digest: digests.get(name) });
    expect(log.join("\n")).toContain(`container ${name}: started as process`);
  }
  await host.eventually("journalctl -u host-container@admin", (output) => output.includes("Server listening on"));
  expect((await containers()).get("admin")?.log.join("\n")).toContain("Server listening on");
});

test("a program in a container has its input, its output and its exit code from afar", async () => {
  expect(await host.exec("control", ["cat"], { input: new Blob(["from the laptop"]).stream() })).toEqual({
    output: "from the laptop",
    exitCode: 0,
  });
  expect(await host.exec("admin", ["sh", "-c", "exit 42"])).toEqual({ output: "", exitCode: 42 });
  const terminal = { size: { rows: 33, cols: 111 }, onResize: () => undefined };
  expect((await host.exec("admin", ["stty", "size"], { terminal })).output).toContain("33 111");
});

test("the control container reaches the API, and nothing else of the host; the admin container sees it all", async () => {
  expect((await host.exec("control", ["apiclient", "get", "os"])).output).toContain('"variant_id": "dev"');
  const rootfs = ["ls", "/.bottlerocket/rootfs/usr/bin/hostd"];
  expect((await host.exec("control", rootfs)).exitCode).not.toBe(0);
  expect((await host.exec("admin", rootfs)).exitCode).toBe(0);
});

test("images of the layout of Bottlerocket's find what those look for", async () => {
  await host.untilRunning(...publicNames);
  const logs = new Map([...(await containers())].map(([name, { log }]) => [name, (log ?? []).join("\n")]));
  expect(logs.get("public-admin")).toContain("console ttyS0");
  expect(logs.get("public-admin")).toContain("group of the API 274");
  expect(logs.get("public-control")).toContain("certificates ca-bundle.crt");
  // It is a secret of the settings, and so what it prints of it is masked.
  expect(logs.get("public-control")).toContain("user data (secret)");
  const kept = await host.exec("public-control", ["cat", "/.bottlerocket/host-containers/current/user-data"]);
  expect(kept.output).toContain('{"ssm":{"region":"eu-west-1"}}');
  // sheltie: a program of the container in the namespaces of the host's first process, found by the root of the shell
  // that waits for it: nsenter's own root is the host's by then.
  const sheltie = ["sh", "-c", "nsenter -t 1 -m -u -i -n -p /proc/$$/root/bin/busybox ls -d /usr/bin/hostd; exit $?"];
  expect((await host.exec("public-admin", sheltie)).output).toContain("/usr/bin/hostd");
  const settings = await host.exec("public-control", [
    "apiclient",
    "raw",
    "-u",
    "/settings?keys=settings.host-containers.admin.enabled",
  ]);
  expect(settings.output).toContain("true");
  // What they keep is there for the next container of the name.
  const keyOf = async () =>
    (
      await host.exec("public-admin", [
        "cat",
        "/.bottlerocket/host-containers/public-admin/etc/ssh/ssh_host_ed25519_key",
      ])
    ).output;
  const key = await keyOf();
  expect(key).toMatch(/^[0-9a-f-]{36}/);
  await host.shell.run("systemctl restart host-container@public-admin");
  await host.untilRunning("public-admin");
  expect(await keyOf()).toBe(key);
});

test("programs in a container trust whom the host trusts, settings.pki too", async () => {
  const digest = (output: string): string => /^[0-9a-f]{64}/.exec(output)?.[0] ?? output;
  const own = digest(await host.shell.run("sha256sum < /etc/ssl/certs/ca-certificates.crt"));
  expect(own).not.toBe(digest(await host.shell.run("sha256sum < /usr/share/orlop/ca-bundle.crt")));
  for (const name of names) {
    for (const path of ["/.bottlerocket/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"]) {
      expect(digest((await host.exec(name, ["sha256sum", path])).output)).toBe(own);
    }
  }
});

test("the history tells who ran what", async () => {
  const marked = ["echo", crypto.randomUUID()];
  await host.exec("control", marked);
  const [newest] = await (await host.api()).call("getHistory", { query: { limit: 1 } });
  expect(newest).toMatchObject({
    by: { kind: "remote", subject: "tester" },
    exec: { container: "control", command: marked, terminal: false },
  });
});

test("they do not notice that the daemon is killed 50 times, at any moment of its start", async () => {
  const before = await began();
  expect(before).toMatch(/^\d+$/m);
  const killed = await host.shell.run(
    `pid=0
    for kill in $(seq 50); do
      until new=$(systemctl show --value --property=MainPID hostd.service); [ $new -gt $pid ]; do sleep 0.1; done
      pid=$new
      sleep $((RANDOM % 2)).$((RANDOM % 10))
      kill -KILL $pid && echo killed
    done`,
    killingMs,
  );
  expect(killed.split("\n").filter((line) => line === "killed")).toHaveLength(50);
  await host.untilConfigured();
  await host.untilRunning(...names);
  expect(await began()).toBe(before);
  const kept = await containers(0);
  expect(names.map((name) => kept.get(name)?.restarts)).toEqual([0, 0]);
});

const groupOf = (name: Name): string =>
  `/sys/fs/cgroup/host.slice/host-containers.slice/host-container@${name}.service`;

test("nothing of ours runs beside them: their units have the container, and a small cat that hands on what it prints", async () => {
  expect((await host.shell.try("pgrep -x host-ctr")).exitCode).toBe(1);
  for (const name of names) {
    const beside = await host.shell.run(
      `for pid in $(cat ${groupOf(name)}/relay/cgroup.procs); do cat /proc/$pid/comm; grep ^Pss: /proc/$pid/smaps_rollup; done`,
    );
    const [, kibibytes] = /^cat\nPss: +(\d+) kB$/.exec(beside.trim()) ?? [];
    expect(Number(kibibytes), beside).toBeLessThan(1024);
  }
});

test("one that ends starts again, with the reason in its unit, and one that is stopped stays so", async () => {
  const unit = "host-container@control.service";
  const before = await began();
  await host.shell.run(`kill -KILL $(head -n 1 ${groupOf("control")}/container/cgroup.procs)`);
  await host.eventually(`systemctl show --value --property=NRestarts ${unit}`, (output) => output.trim() === "1");
  await host.untilRunning("control");
  expect(await began()).not.toBe(before);
  expect(await host.shell.run(`journalctl -b -u ${unit}`)).toContain("exit code 137");

  await host.shell.run(`systemctl stop ${unit}`);
  expect(await host.shell.run(`systemctl show --value --property=ActiveState --property=Result ${unit}`)).toMatch(
    /^(success\s+inactive|inactive\s+success)\s*$/,
  );
  expect((await host.shell.try(`test -e ${groupOf("control")}`)).exitCode).toBe(1);
  await host.shell.run(`systemctl start ${unit}`);
  await host.untilRunning("control");
});

test("the support archive comes through the API, with what containers said", async () => {
  const files = await host.supportArchive();
  expect(await files.get("journal.log")?.text()).toContain("container control: started as process");
  const { password } = registry.credential("any");
  for (const file of files.values()) expect((await file.text()).includes(password)).toBe(false);
});

test("no image goes that settings name", async () => {
  expect(await host.shell.run("host-ctr clean-up")).toContain("nothing to remove");
});

test("after a reboot they start from what is there, though the registry is gone", async () => {
  await registry[Symbol.asyncDispose]();
  await host.reboot();
  await host.untilRunning(...names);
  const all = await containers();
  for (const name of names) {
    expect(all.get(name)?.digest).toBe(digests.get(name) ?? "");
    expect(all.get(name)?.log.join("\n")).toContain("the one that is here is used");
  }
  expect((await host.exec("admin", ["true"])).exitCode).toBe(0);
});
