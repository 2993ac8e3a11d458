/** A host on which a good many things are wrong at once, as an operator might meet them one by one. */
import type { Argv } from "../../../lib/program/process.ts";
import { TestAuthority } from "../network/certificates.ts";
import { runningHost, type RunningHost } from "../host/running-host.ts";
import { writePartitionSets } from "../update/partition-sets.ts";
import { testRepository } from "../update/update-repository.ts";

export type FaultyHost = AsyncDisposable & { readonly host: RunningHost };

/** What nobody may find in a page. */
export const plantedSecrets = {
  userData: Buffer.from("the password is xyzzy-4711-plugh").toString("base64"),
  proxyPassword: "hunter2-planted-4711",
  registryPassword: "swordfish-planted-secret",
} as const;

const dayMs = 86_400_000;
const mebibyte = 1024 ** 2;
const hourMs = 3_600_000;

export async function faultyHost(): Promise<FaultyHost> {
  await using opened = new AsyncDisposableStack();
  const host = opened.use(await runningHost());
  const { machine } = host;
  machine.stepClock(Date.now() - hourMs - machine.system.clock.now().getTime());
  await plantBoot(host);
  await plantKeptFaults(host);
  plantLog(host);
  await host.restart();
  await plantUsage(host);
  await plantFullDisk(host);
  const repository = opened.use(await testRepository());
  await repository.publish("0.2.0", {
    waves: [
      { firstSeed: 0, start: new Date(Date.now() + 3 * dayMs) },
      { firstSeed: 1024, start: new Date(Date.now() + 6 * dayMs) },
    ],
  });
  await machine.write("/usr/share/orlop/updates/root.json", repository.rootJson);
  await plantSettings(host, repository.url);
  const move = opened.move();
  return { host, [Symbol.asyncDispose]: async () => await move.disposeAsync() };
}

/** Read when the daemon starts. */
async function plantKeptFaults({ machine }: RunningHost): Promise<void> {
  await writePartitionSets(machine, "a", "0.1.0");
  const at = new Date(Date.now() - 2 * dayMs).toISOString();
  const reason = "http://127.0.0.1:8080/healthz does not answer: connection refused";
  const held = [{ version: "0.1.9", at, reason }];
  const failure = "cannot download root-0.2.0: the mirror answers with status 503";
  const last = { command: "prepare", at, failure };
  await machine.write("/var/lib/orlop/updates.json", JSON.stringify({ available: [], held, last }));
  await machine.write("/var/lib/orlop/trial.json", "{ a power loss made this");
  const entry = {
    kind: "container",
    name: "disk",
    mode: "always",
    essential: false,
    state: "failed",
    failure: {
      code: "unit-failed",
      message: "cannot run the container: it ended with exit code 32",
      journal: "mount: /mnt/data: wrong fs type, bad option, bad superblock on /dev/vdb1",
    },
  };
  await machine.write("/run/orlop/bootstrap.json", JSON.stringify({ entries: [entry] }));
}

/** What the admin container printed, a secret among it. */
function plantLog({ machine }: RunningHost): void {
  const usual = machine.programs.get("journalctl");
  const lines = [
    "host-containers: pulling registry.example.com/admin:v1",
    `host-containers: logging in as deck with ${plantedSecrets.registryPassword}`,
    "host-containers: cannot pull registry.example.com/admin:v1: the registry answers with status 401",
    "host-containers: trying again in 10 s",
  ];
  machine.programs.set("journalctl", async (argv: Argv, limits) =>
    argv.some((word) => word.includes("host-container@")) ? lines.join("\n") : ((await usual?.(argv, limits)) ?? ""),
  );
}

async function plantFullDisk({ machine }: RunningHost): Promise<void> {
  await machine.write("/local/containers", "");
  machine.spaces.set("/local", { device: 1, sizeBytes: 8 * mebibyte, availableBytes: 400 * 1024 });
}

/** Ends in what is on trial: nobody changes settings while something is. */
async function plantSettings({ api, units }: RunningHost, repository: URL): Promise<void> {
  const change = async (set: Record<string, unknown>, message: string): Promise<void> => {
    // The model of the host refuses what is no setting; the type only says that it is JSON.
    await api.call("changeSettings", { query: { wait: true }, body: { set: set as never, message } });
  };
  const ending = await TestAuthority.make("Example Internal CA");
  await change({ motd: "Welcome aboard deck-7" }, "greet people");
  await change({ pki: { internal: { trusted: true, data: ending.setting } } }, "trust the internal CA");
  await change(
    {
      updates: {
        "metadata-base-url": new URL("metadata/dev/x86_64/", repository).href,
        "targets-base-url": new URL("targets/", repository).href,
      },
      network: { "https-proxy": `http://deck:${plantedSecrets.proxyPassword}@proxy.example.com:3128` },
      "container-registry": {
        credentials: [
          { registry: "registry.example.com", username: "deck", password: plantedSecrets.registryPassword },
        ],
      },
      "host-containers": {
        admin: { enabled: true, source: "registry.example.com/admin:v1", "user-data": plantedSecrets.userData },
      },
    },
    "mirrors, a proxy and the admin container",
  );
  const chrony = units.get("chrony.service");
  if (chrony !== undefined) {
    chrony.breaks = {
      result: "exit-code",
      journal:
        "Could not parse server directive at line 3 in file /etc/chrony/chrony.conf\nFatal error : configuration",
    };
  }
  await change({ ntp: { "time-servers": ["time.example.com"] } }, "our own time servers");
  await api.call("changeSettings", {
    query: { wait: true, try: 600 },
    body: { set: { kernel: { sysctl: { "net.core.somaxconn": "4096" } } }, message: "a longer queue" },
  });
}

/** An hour of samples. */
async function plantUsage({ machine }: RunningHost): Promise<void> {
  for (let at = 0; at < 120; at++) {
    const usedKb = 1_400_000 + 300_000 * Math.sin(at / 9) + 9_000 * at;
    await machine.write("/proc/meminfo", `MemTotal: 4000000 kB\nMemAvailable: ${Math.round(4_000_000 - usedKb)} kB\n`);
    const waiting = { cpu: 6 + 5 * Math.sin(at / 5), memory: at > 90 ? (at - 90) / 3 : 0, io: at % 30 < 4 ? 18 : 1 };
    for (const [name, percent] of Object.entries(waiting)) {
      const text = `some avg10=${percent.toFixed(2)} avg60=0.00 avg300=0.00 total=1\n`;
      await machine.write(`/proc/pressure/${name}`, text);
    }
    await machine.advance(30_000);
  }
}

const bootUnits: readonly (readonly [string, number, number, string, string?])[] = [
  ["systemd-journald.service", 2.31, 0.18, ""],
  ["systemd-udevd.service", 2.4, 0.31, "systemd-journald.service"],
  ["systemd-repart.service", 2.8, 1.42, "systemd-udevd.service"],
  ["var.mount", 4.25, 0.22, "systemd-repart.service"],
  ["local.mount", 4.27, 0.35, "systemd-repart.service"],
  ["local-fs.target", 4.64, 0, "var.mount local.mount"],
  ["systemd-networkd.service", 4.71, 0.6, "local-fs.target"],
  ["containerd.service", 5.02, 1.1, "local-fs.target"],
  ["hostd.service", 4.7, 3.2, "local-fs.target"],
  ["preconfigured.target", 7.91, 0, "hostd.service"],
  ["bootstrap.service", 7.95, 2.6, "preconfigured.target", "failed"],
  ["chrony.service", 8.1, 0.4, "preconfigured.target", "failed"],
  ["configured.target", 10.6, 0, "bootstrap.service"],
  ["multi-user.target", 10.9, 0, "configured.target containerd.service chrony.service"],
];

async function plantBoot({ machine }: RunningHost): Promise<void> {
  const usual = machine.programs.get("systemctl");
  const micro = (seconds: number): number => Math.round(seconds * 1e6);
  const shown = bootUnits
    .map(([name, began, took, after, state = "active"]) =>
      [
        `Id=${name}`,
        `ActiveState=${state}`,
        `InactiveExitTimestampMonotonic=${micro(began)}`,
        `ActiveEnterTimestampMonotonic=${micro(began + took)}`,
        "ActiveExitTimestampMonotonic=0",
        "InactiveEnterTimestampMonotonic=0",
        `After=${after}`,
      ].join("\n"),
    )
    .join("\n\n");
  const manager = [
    "FirmwareTimestampMonotonic=3400000",
    "LoaderTimestampMonotonic=900000",
    "InitRDTimestampMonotonic=0",
    "UserspaceTimestampMonotonic=2100000",
    "FinishTimestampMonotonic=10900000",
  ].join("\n");
  machine.programs.set("systemctl", async (argv: Argv, limits) => {
    const words = argv.join(" ");
    if (argv.includes("*")) return shown;
    if (words.includes("FinishTimestampMonotonic")) return manager;
    if (words.includes("NRestarts")) {
      return argv
        .filter((word) => word.includes("@"))
        .map((unit) => `Id=${unit}\nActiveState=activating\nSubState=auto-restart\nNRestarts=7\n`)
        .join("\n");
    }
    if (argv.includes("--no-block")) return "";
    return (await usual?.(argv, limits)) ?? "";
  });
}
