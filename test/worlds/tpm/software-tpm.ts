/**
 * A TPM in a program of its own (swtpm), and what a firmware does with it: starts programs, measures them, and writes down
 * what it measured.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openToolsRoot, runTool, toolCommand, type ToolsRoot } from "../../../image/packages/tools-root.ts";
import { authenticodeHash } from "../../../lib/efi/authenticode.ts";
import { makeAddon } from "../../../lib/efi/boot-addon.ts";
import { eventTypes, extended } from "../../../lib/tpm/event-log.ts";
import type { MeasuredImage } from "../../../lib/tpm/measured-image.ts";
import { extend, type Transmit } from "../../../lib/tpm/tpm.ts";
import type { Tpm } from "../../../host/machine/tpm.ts";
import { start } from "../../../lib/program/program.ts";
import { eventually } from "../../eventually.ts";
import { emptyAddon } from "../update/efi-program.ts";

/** On a computer that does much else. */
const startMs = 60_000;

export type SoftwareTpm = AsyncDisposable & {
  readonly tpm: Tpm;
  readonly transmit: Transmit;
  /** Runs a program of tpm2-tools; files of `directory` are there. */
  readonly tool: (argv: readonly [string, ...string[]]) => Promise<string>;
  readonly directory: string;
};

export async function softwareTpm(): Promise<SoftwareTpm> {
  const tools = await openToolsRoot({ sets: ["tpm"] });
  await using opened = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "tpm-"));
  opened.defer(async () => await rm(directory, { recursive: true, force: true }));
  opened.use(await startChip(tools, directory));
  const socket = await connected(join(directory, "tpm.sock"));
  opened.defer(() => void socket.destroy());
  let last: Promise<unknown> = Promise.resolve();
  const transmit: Transmit = async (command) => {
    const mine = last.then(async () => await exchange(socket, command));
    last = mine.catch(() => undefined);
    return await mine;
  };
  const open = opened.move();
  return {
    directory,
    transmit,
    tpm: async (work) => await work(transmit),
    tool: async (argv) => (await runTool(tools, argv, { binds: [directory], cwd: directory })).stdout,
    [Symbol.asyncDispose]: async () => await open.disposeAsync(),
  };
}

async function startChip(tools: ToolsRoot, directory: string): Promise<AsyncDisposable> {
  const state = join(directory, "state");
  await mkdir(state);
  const sockets = [`type=unixio,path=${directory}/tpm.sock`, `type=unixio,path=${directory}/control.sock`] as const;
  const argv = ["swtpm", "socket", "--tpm2", "--tpmstate", `dir=${state}`, "--server", sockets[0]] as const;
  const command = toolCommand(tools, [...argv, "--ctrl", sockets[1], "--flags", "not-need-init,startup-clear"], {
    binds: [directory],
    offline: true,
  });
  const chip = start(command, { stdout: "ignore", stderr: "inherit" });
  return chip;
}

/** It listens a little after it was started. */
async function connected(path: string): Promise<Socket> {
  const attempts: Socket[] = [];
  await eventually(async () => {
    const socket = connect(path);
    await once(socket, "connect");
    attempts.push(socket);
  }, startMs);
  const [socket] = attempts;
  if (socket === undefined) throw new Error(`nobody listens on ${path}`);
  return socket;
}

/** A response says in its header how long it is. */
async function exchange(socket: Socket, command: Uint8Array): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  let received = Buffer.alloc(0);
  const take = (bytes: Buffer): void => {
    received = Buffer.concat([received, bytes]);
    if (received.length >= 6 && received.length >= received.readUInt32BE(2)) resolve(received);
  };
  socket.on("data", take).once("error", reject);
  socket.write(command);
  try {
    return await promise;
  } finally {
    socket.off("data", take).off("error", reject);
  }
}

export type ImageOfParts = { measured: MeasuredImage; parts: readonly string[] };

/** An image of which nothing exists but what a TPM would hold of it. */
export function testImage(name: string): ImageOfParts {
  const hash = (part: string): string => createHash("sha256").update(`${part} of ${name}`).digest("hex");
  const parts = [".linux", ".cmdline", ".initrd"].map(hash);
  let pcr11: Uint8Array = new Uint8Array(32);
  for (const part of parts) pcr11 = extended(pcr11, Buffer.from(part, "hex"));
  return {
    parts,
    measured: {
      pcr11: Buffer.from(pcr11).toString("hex"),
      loader: hash("loader"),
      unifiedImage: hash("unified image"),
      kernel: hash("kernel"),
      commandLine: `roothash=${hash("root")}`,
      pcrSigningKey: "",
      addonStub: emptyAddon().toString("base64"),
    },
  };
}

type Event = { pcr: number; type: number; data: Buffer; digest?: Buffer };

/**
 * Does with a fresh TPM what firmware and systemd-stub do for an image, and returns the log of it.
 *
 * @param words what is added to the command line
 * @param programs Authenticode hashes of what is started before the kernel
 * @param drivers the same of drivers that are loaded beside them
 * @param secureBoot what is measured of it, one after the other
 */
export async function bootMeasured(
  transmit: Transmit,
  {
    image: { measured, parts },
    words = "",
    programs = [measured.loader, measured.unifiedImage],
    drivers = [],
    secureBoot = [true],
  }: {
    image: ImageOfParts;
    words?: string;
    programs?: readonly string[];
    drivers?: readonly string[];
    secureBoot?: readonly boolean[];
  },
): Promise<Buffer> {
  const events: Event[] = [
    { pcr: 0, type: 8, data: Buffer.from("firmware 1.0\0", "utf16le") },
    ...secureBoot.map((isOn) => {
      return { pcr: 7, type: eventTypes.variable, data: variable("SecureBoot", Buffer.from([isOn ? 1 : 0])) };
    }),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => ({ pcr, type: 4, data: Buffer.alloc(4) })),
    { pcr: 4, type: 0x80000007, data: Buffer.from("Calling EFI Application from Boot Option") },
    ...drivers.map((hash) => {
      return { pcr: 2, type: 0x80000004, data: Buffer.alloc(32), digest: Buffer.from(hash, "hex") };
    }),
    ...programs.map((hash) => {
      return { pcr: 4, type: eventTypes.application, data: Buffer.alloc(32), digest: Buffer.from(hash, "hex") };
    }),
    ...(words === ""
      ? []
      : [{ pcr: 4, type: eventTypes.application, data: Buffer.alloc(32), digest: addonHash(words) }]),
    ...parts.map((hash) => {
      return { pcr: 11, type: eventTypes.initialProgramLoad, data: Buffer.alloc(0), digest: Buffer.from(hash, "hex") };
    }),
    // By the boot menu, and by the stub that it hands them to.
    ...(words === "" ? [] : [words, words]).map((text) => {
      return { pcr: 12, type: eventTypes.initialProgramLoad, data: Buffer.from(`${text}\0`, "utf16le") };
    }),
  ];
  const log = [firstEvent()];
  for (const { pcr, type, data, digest = createHash("sha256").update(data).digest() } of events) {
    await extend(transmit, pcr, digest);
    log.push(u32(pcr), u32(type), u32(1), u16(0x000b), digest, u32(data.length), data);
  }
  return Buffer.concat(log);
}

const addonHash = (words: string): Buffer => authenticodeHash(makeAddon(emptyAddon(), words), "the addon");

/** Says which digests the others have. */
function firstEvent(): Buffer {
  const algorithms = Buffer.concat([u32(1), u16(0x000b), u16(32), Buffer.from([0])]);
  const header = Buffer.concat([Buffer.from("Spec ID Event03\0"), u32(0), Buffer.from([0, 2, 0, 2]), algorithms]);
  return Buffer.concat([u32(0), u32(3), Buffer.alloc(20), u32(header.length), header]);
}

function variable(name: string, value: Buffer): Buffer {
  const text = Buffer.from(name, "utf16le");
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64LE(BigInt(name.length), 0);
  lengths.writeBigUInt64LE(BigInt(value.length), 8);
  return Buffer.concat([Buffer.alloc(16, 0x11), lengths, text, value]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
