/** `./orlop up` */
import { deferred } from "../../lib/deferred.ts";
import { firstOf } from "../../lib/first-of.ts";
import { machineClock } from "../../lib/clock.ts";
import type { Invocation } from "../../lib/command/command.ts";
import { afterFailure, Failure, isNotFound } from "../../lib/failure.ts";
import { formatDuration } from "../../lib/duration.ts";
import { progress, say } from "../../lib/progress.ts";
import type { StatusBody } from "../../api/status.ts";
import type { Architecture, Variant } from "../../variants/variant.ts";
import type { Forward } from "../../vm/qemu/qemu.ts";
import type { RunningMachine } from "../../vm/running-machine.ts";
import type { OwnVariant } from "../../variants/variant-file.ts";
import {
  architectureOption,
  chosenVariant,
  mirrorOption,
  variantFileOption,
  variantIn,
  variantOption,
  verb,
} from "../context.ts";
import { forgetContext, keepContext } from "./machines.ts";

/** How often the console is looked at while a machine comes up. */
const lookMs = 1000;

export const up = verb({
  name: "up",
  summary: "Build an image if needed, boot it in QEMU and wait until the host is configured",
  description: `Stays until Ctrl-C, which leaves nothing behind; with --detach the machine runs until \`./orlop down\`.
The machine is always new. It gets a client certificate of its own, which \`./orlop apiclient\` uses.`,
  examples: [
    { run: "./orlop up", description: "a dev host" },
    { run: "./orlop up --detach --name web --user-data web.toml", description: "one of several, with settings" },
    { run: "./orlop up --image build/my.img", description: "an image that is there already" },
    {
      run: "./orlop up --variant metal-k8s-1.20 --join",
      description: "a node of Kubernetes; see `./orlop cluster up`",
    },
    { run: "./orlop up --arch aarch64", description: "one of the other architecture, emulated" },
    { run: "./orlop up --tpm", description: "a machine that attests what it runs; see docs/attestation.md" },
    { run: "./orlop up --publish 2222:22", description: "the admin container's sshd is 127.0.0.1:2222" },
  ],
  options: {
    variant: variantOption,
    "variant-file": variantFileOption,
    arch: architectureOption,
    name: { type: "text", value: "NAME", help: "Name of the machine; the variant's unless given", short: "n" },
    "user-data": {
      type: "text",
      value: "FILE",
      help: "Settings, TOML or JSON; - is standard input",
      short: "u",
      complete: "files",
    },
    join: { type: "boolean", help: "As a node of the cluster that `cluster up` started; waits until it is ready" },
    detach: { type: "boolean", help: "Return as soon as the host is configured", short: "d" },
    image: { type: "text", value: "FILE", help: "Boot this image instead of building one", complete: "files" },
    mirror: mirrorOption,
    cpus: { type: "text", value: "N", help: "Processors", default: "2", parse: wholeNumber },
    memory: { type: "text", value: "MIB", help: "Memory in MiB", default: "2048", parse: wholeNumber },
    disk: {
      type: "text",
      value: "GIB",
      help: "Size of the disk in GiB; it takes no room here before something is written",
      default: "8",
      parse: wholeNumber,
    },
    "ephemeral-disk": {
      type: "text",
      value: "GIB",
      help: "A further, empty disk of this size, which the host takes for an ephemeral one",
      parse: wholeNumber,
    },
    tpm: { type: "boolean", help: "With a TPM 2.0, which `apiclient verify` asks what the machine runs" },
    publish: {
      type: "text",
      value: "HERE:THERE",
      help: "Port of this computer's loopback that leads to the guest's",
      many: true,
      parse: forward,
    },
  },
  async run({ invocation }, options) {
    const { signal } = invocation;
    const vm = await import("../../vm/up.ts");
    const chosen = await chosenVariant(options);
    const variant = await variantIn(chosen);
    const name = options.name ?? variant.name;
    const ownUserData = await readUserData(options["user-data"], invocation);
    if (options.join && variant.orchestrator.kind !== "kubernetes") {
      throw new Failure("no-kubelet", `cannot join a cluster with ${variant.name}: it is no node of Kubernetes`, {
        hint: "choose another one with --variant, for example metal-k8s-1.20",
      });
    }
    const userData = options.join ? await joining(ownUserData, name, variant) : ownUserData;
    const { machineArchitecture } = await import("../../image/packages/tools-root.ts");
    const architecture = options.arch ?? machineArchitecture();
    const image = options.image ?? (await buildFor(chosen, { architecture, mirror: options.mirror }, signal));
    const startedMs = machineClock.elapsedMs();
    const { machine, status } = await watched(name, signal, async (raced) =>
      vm.up(
        {
          name,
          image,
          architecture,
          userData,
          // Images for a cloud know the disks of that cloud, and nothing of QEMU's own.
          systemDiskBus: variant.platform === "aws" || variant.platform === "vmware" ? "nvme" : "virtio",
          // A variant that is not for QEMU does not look at what QEMU hands over.
          userDataBy: variant.userData.includes("fw-cfg") ? "fw-cfg" : "private-partition",
          detach: options.detach,
          kubelet: options.join,
          tpm: options.tpm,
          cpus: options.cpus,
          memoryMiB: options.memory,
          publish: options.publish,
          diskBytes: options.disk * 1024 ** 3,
          ...(options["ephemeral-disk"] === undefined
            ? {}
            : { ephemeralDisksBytes: [options["ephemeral-disk"] * 1024 ** 3] }),
        },
        raced,
      ),
    );
    try {
      await keepContext(machine);
    } catch (error) {
      throw await afterFailure(error, async () => {
        await machine.cutPower();
      });
    }
    const result = { ...described(machine, status), seconds: (machineClock.elapsedMs() - startedMs) / 1000 };
    if (options.detach) return result;
    invocation.write(`${upText(result)}\nCtrl-C ends it\n`);
    await untilEnd(machine, name, signal);
    return undefined;
  },
  print: (result) => (result === undefined ? "" : upText(result)),
});

/** Shows the last line of the console while the machine comes up. */
async function watched<Result>(
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { readLines } = await import("../../vm/qemu/console.ts");
  const { machineFiles } = await import("../../vm/machine-files.ts");
  const { directoryOf } = await import("../../vm/up.ts");
  const { consoleLog } = machineFiles(directoryOf(name));
  using bar = progress(`booting ${name}`);
  const look = async (): Promise<void> => {
    try {
      bar.detail((await readLines(consoleLog)).findLast((line) => line.trim() !== "")?.trim() ?? "");
    } catch (error) {
      if (!isNotFound(error)) throw error; // it is not switched on yet
    }
  };
  const keepLooking = async (raced: AbortSignal): Promise<never> => {
    for (;;) {
      await machineClock.sleep(lookMs, raced);
      await look();
    }
  };
  return await firstOf(signal, [work, keepLooking]);
}

/** The user data of a node of the cluster on this computer. */
async function joining(userData: string, name: string, { orchestrator, ...variant }: Variant): Promise<string> {
  const { runningCluster, settingsToJoin } = await import("../../vm/cluster/cluster.ts");
  const { isAtLeast } = await import("../../settings/model/setting.ts");
  const { withCluster } = await import("../../vm/user-data.ts");
  const cluster = await runningCluster();
  if (orchestrator.kind === "kubernetes" && !isAtLeast(cluster.minor, orchestrator.minor)) {
    const cannot = `cannot join the cluster with ${variant.name}: its Kubernetes is ${cluster.minor}, and nodes must not be newer`;
    throw new Failure("too-new", cannot, {
      hint: `start one with \`./orlop cluster up --kubernetes ${orchestrator.minor}\``,
    });
  }
  return withCluster(userData, settingsToJoin(cluster, name));
}

type Described = { name: string; state: string; hostname: string; url: string; image: string };

export function described({ record }: RunningMachine, { state, hostname }: StatusBody): Described {
  return { name: record.name, state, hostname, url: `https://127.0.0.1:${record.apiPort}`, image: record.image };
}

function upText({ name, state, url, seconds }: Described & { seconds: number }): string {
  return [
    `${name} is ${state} after ${formatDuration(seconds)}; its API is at ${url}`,
    `  ./orlop apiclient status         what the host is, and what is failing`,
    `  ./orlop apiclient set motd=hi    change a setting`,
    `  ./orlop console                  its serial console`,
    `  ./orlop down                     end it`,
  ].join("\n");
}

/** Waits for Ctrl-C, then ends the machine; or for the machine to end by itself. */
async function untilEnd(machine: RunningMachine, name: string, signal: AbortSignal): Promise<void> {
  const { directoryOf } = await import("../../vm/up.ts");
  const { untilGone } = await import("../../vm/process-identity.ts");
  const { rm } = await import("node:fs/promises");
  await using _end = deferred(async () => {
    await machine.cutPower();
    await rm(directoryOf(name), { recursive: true, force: true });
    await forgetContext(name);
  });
  try {
    await untilGone(machine.record.process, signal);
    say(`${name} has switched itself off`);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function buildFor(
  variant: string | OwnVariant,
  wanted: { architecture: Architecture; mirror: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  const { builtImage } = await import("../image/built-image.ts");
  return (await builtImage({ variant, ...wanted }, signal)).image;
}

async function readUserData(path: string | undefined, invocation: Invocation): Promise<string> {
  if (path === undefined) return "";
  const { readSource } = await import("../../host/commands/apiclient/change/source.ts");
  return new TextDecoder().decode(await readSource(path, invocation));
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Failure("bad-number", `a whole number of 1 or more is expected, not "${text}"`);
}

function forward(text: string): Forward {
  const [, here, there] = /^(\d{1,5}):(\d{1,5})$/.exec(text) ?? [];
  const [hostPort, guestPort] = [Number(here), Number(there)];
  if (hostPort > 0 && hostPort <= 65_535 && guestPort > 0 && guestPort <= 65_535) return { hostPort, guestPort };
  throw new Failure("bad-port", `two ports such as 2222:22 are expected, not "${text}"`);
}
