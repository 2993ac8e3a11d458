/**
 * A whole host in this process: the real daemon on a small machine, with its real API on a unix socket.
 *
 * The clock stands: what waits for a time goes on at `machine.advance`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defined } from "../../../lib/defined.ts";
import { connect, type Client } from "../../../api/client/client.ts";
import type { StatusBody } from "../../../api/status.ts";
import type { ConnectionLimits } from "../../../host/apiserver/server/connections.ts";
import type { SocketPlace } from "../../../host/apiserver/server/socket-server.ts";
import { hostd } from "../../../host/daemon/hostd.ts";
import type { System } from "../../../host/machine/system.ts";
import { runSystemd, type TestUnit } from "./systemd.ts";
import { testSystem, type TestSystem } from "./system.ts";

export type RunningHost = AsyncDisposable & {
  readonly machine: TestSystem;
  readonly socket: string;
  readonly api: Client;
  readonly units: Map<string, TestUnit>;
  /** Ends the daemon as systemd does, and starts it again on the same machine. */
  restart(): Promise<void>;
  /** The same, with what a reboot takes away: /run and /etc. */
  reboot(): Promise<void>;
  /** Ends the daemon and keeps the machine. */
  stop(): Promise<void>;
};

const image = `ID=orlop
PRETTY_NAME="Orlop 0.1.0"
VARIANT_ID=dev
VERSION_ID=0.1.0
BUILD_ID=dafe3b16
`;
/** So that nothing has to be asked of a network. */
const userData = `[settings.network]
hostname = "test-host"
[settings.updates]
seed = 7
`;

export type RunningHostOptions = {
  /** Of the API's socket, when they should be met sooner than on a real host. */
  limits?: ConnectionLimits;
  /** Who listens on the API's socket, when that is not the daemon. */
  listening?: { socket: string; duplicate(): number };
  /** What the disk does, instead of files below the root. */
  storage?: System["storage"];
  /** Of the machine; it has none unless given. */
  tpm?: System["tpm"];
};

export async function runningHost({ limits, listening, storage, tpm }: RunningHostOptions = {}): Promise<RunningHost> {
  const machine = await testSystem({ clock: "stands", ...defined({ storage, tpm }) });
  const directory = await mkdtemp(join(tmpdir(), "orlop-api-"));
  const socket = listening?.socket ?? join(directory, "api.sock");
  const placeNow = (): SocketPlace => ({
    path: socket,
    gid: undefined,
    ...(listening === undefined ? {} : { listeningDescriptor: listening.duplicate() }),
    ...defined({ limits }),
  });
  const units = runSystemd(machine, { "chrony.service": "active", "systemd-networkd.service": "active" });
  machine.programs.set("modprobe", () => "");
  await machine.write("/usr/lib/os-release", image);
  await machine.write("/var/lib/orlop/user-data.toml", userData);
  await machine.write("/dev/console", "");
  const switchOn = async (): Promise<void> => {
    await machine.write("/proc/sys/kernel/hostname", "localhost\n");
    await machine.write("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
  };
  await switchOn();
  await machine.write("/proc/sys/kernel/random/boot_id", "the-first-boot\n");

  let running = start(machine, placeNow());
  await booted(socket, running);
  const again = async (prepare: () => Promise<void>): Promise<void> => {
    await running.stop();
    await prepare();
    running = start(machine, placeNow());
    await booted(socket, running);
  };
  return {
    machine,
    socket,
    api: connect({ socket }),
    units,
    restart: () => again(async () => undefined),
    reboot: () =>
      again(async () => {
        for (const gone of ["run", "etc"]) await rm(join(machine.system.root, gone), { recursive: true, force: true });
        await switchOn();
        await machine.boot();
      }),
    stop: () => running.stop(),
    async [Symbol.asyncDispose]() {
      await running.stop();
      await machine[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

type Daemon = { ended: Promise<unknown>; stop(): Promise<void> };

function start({ system }: TestSystem, place: SocketPlace): Daemon {
  const stop = new AbortController();
  const ended = hostd(system, place, stop.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  return {
    ended,
    async stop() {
      stop.abort(new Error("the test stops the daemon"));
      const error = await ended;
      if (error !== undefined) throw error;
    },
  };
}

/** The API answers at once; the rest of the boot takes a moment. */
async function booted(socket: string, { ended }: Daemon): Promise<void> {
  const api = connect({ socket });
  const untilMs = performance.now() + 60_000;
  let status: StatusBody | undefined;
  while (performance.now() < untilMs) {
    const early = await Promise.race([ended.then((error) => error ?? "it ended"), Bun.sleep(10)]);
    if (early !== undefined) throw new Error("the daemon ended", { cause: early });
    status = await api.call("getStatus").catch(() => undefined); // not listening yet
    // What prepares the machine is a unit of its own, which is not on this one.
    if (status?.boot.every(({ state }) => state !== "waiting" && state !== "running") === true) return;
  }
  throw new Error(`the host did not boot: ${JSON.stringify(status)}`);
}
