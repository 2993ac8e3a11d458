/**
 * Everything the host touches outside its own memory.
 *
 * It is the first argument of whatever acts. Programs, time, names and links come from nowhere else; files are read and
 * written by way of `lib/files/files.ts` and Node, below `root` alone, and what is to survive a power loss through `storage`.
 * `tools/doors.test.ts` names who has a reason to do otherwise. `linuxSystem()` is the real one; tests build theirs with
 * `test/worlds/host/system.ts`.
 */
import { Resolver } from "node:dns/promises";
import { stat, statfs } from "node:fs/promises";
import { availableParallelism, networkInterfaces, totalmem } from "node:os";
import { join } from "node:path";
import { type Clock, machineClock } from "../../lib/clock.ts";
import { explain, systemErrorCode } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { followingRedirects, type Fetch } from "../../lib/files/http-redirects.ts";
import { type Answer, type Argv, ask, run, type RunOptions } from "../../lib/program/process.ts";
import { maskShapes } from "../masking/masker.ts";
import { realStorage, type Storage } from "./storage.ts";
import { machineTpm, type Tpm } from "./tpm.ts";

export interface System {
  /** Directory that stands for `/`: "/" on a host, a temporary directory in tests. */
  readonly root: string;
  readonly clock: Clock;
  /** Runs a program to completion and gives its standard output; see `run` of `lib/program/process.ts`. */
  run(argv: Argv, limits?: RunLimits): Promise<string>;
  /** The same for a program whose exit code is an answer. */
  ask(argv: Argv, limits?: RunLimits): Promise<Answer>;
  /** Of the machine. */
  size(): { processors: number; memoryBytes: number };
  /** The addresses of links that are up, by name of the link. */
  interfaces(): Interfaces;
  /** Of the file system that a path, absolute on a host, lies on; rejects when there is no such path. */
  space(path: string): Promise<Space>;
  readonly dns: Dns;
  /** Follows redirects as far as they lead to no weaker place. */
  readonly fetch: Fetch;
  readonly storage: Storage;
  /** The chip that measures, where there is one. */
  readonly tpm: Tpm;
  readonly log: Log;
  /** A text that somebody else wrote, without the secrets in it that can be known. */
  readonly mask: (text: string) => string;
}

/** What is kept back for root counts on neither side. See statvfs(3). */
export type Space = {
  /** The number that all paths on one file system have in common; see stat(2). */
  device: number;
  sizeBytes: number;
  availableBytes: number;
};

export type Interfaces = ReturnType<typeof networkInterfaces>;

/** Questions to the name servers alone: neither /etc/hosts nor the machine's own name counts. */
export type Dns = {
  /** The IPv4 and IPv6 addresses of a name; empty when it has none, or when nobody answers in time. */
  addressesOf(name: string): Promise<string[]>;
  /** The names of an address, by reverse lookup; empty as above. */
  namesOf(address: string): Promise<string[]>;
};

/** Sentences for operators, prefixed by area: "sysctl: set net.ipv4.ip_forward to 1". */
export type Log = { info(message: string): void; error(message: string, error: unknown): void };

export type RunLimits = Pick<RunOptions, "limitMs" | "outputBytesMost" | "keepsEnd" | "stdin" | "signal">;

const usualLimits = {
  /** Longer than systemd's own start and stop limits, so that its explanation wins over ours. */
  limitMs: 100_000,
  /** The daemon has 256 MB. */
  outputBytesMost: 8 * 1024 * 1024,
};

/** Where `path`, absolute on a host, really is. */
export function hostPath(system: Pick<System, "root">, path: string): string {
  return join(system.root, path);
}

/** The machine this process runs on, or a directory on it that stands for a host. */
export function linuxSystem(root = "/"): System {
  return {
    root,
    clock: machineClock,
    run: async (argv, limits) => (await run(argv, { ...usualLimits, ...limits })).stdout,
    ask: async (argv, limits) => await ask(argv, { ...usualLimits, ...limits }),
    size: () => ({ processors: availableParallelism(), memoryBytes: totalmem() }),
    interfaces: networkInterfaces,
    space: async (path) => await spaceOf(hostPath({ root }, path)),
    dns: dnsOf(systemResolver),
    fetch: followingRedirects(fetch),
    storage: realStorage,
    tpm: machineTpm,
    log: stderrLog,
    mask: maskShapes,
  };
}

async function spaceOf(path: string): Promise<Space> {
  const [{ dev }, { blocks, bsize, bfree, bavail }] = await Promise.all([stat(path), statfs(path)]);
  return { device: dev, sizeBytes: (blocks - bfree + bavail) * bsize, availableBytes: bavail * bsize };
}

/** The name servers that systemd-resolved asks; see systemd-resolved.service(8). */
const upstreamPath = "/run/systemd/resolve/resolv.conf";

/**
 * A new one for each question, since a lease may bring other name servers. They are asked directly: systemd-resolved
 * answers for this machine's own name and addresses by itself.
 */
async function systemResolver(): Promise<Resolver> {
  const resolver = new Resolver({ timeout: 500, tries: 2 });
  const text = (await readTextIfPresent(upstreamPath)) ?? "";
  const servers = Array.from(text.matchAll(/^nameserver\s+([0-9a-f.:]+)\s*$/gim), ([, server = ""]) => server);
  if (servers.length > 0) resolver.setServers(servers);
  return resolver;
}

/** Name lookups with what `resolver` makes. */
export function dnsOf(resolver: () => Promise<Resolver>): Dns {
  return {
    async addressesOf(name) {
      const both = await resolver();
      return (await Promise.all([noneIfUnknown(both.resolve4(name)), noneIfUnknown(both.resolve6(name))])).flat();
    },
    async namesOf(address) {
      return noneIfUnknown((await resolver()).reverse(address));
    },
  };
}

/** DNS tells "no" and "no answer" by errors with a code; both mean that the name cannot be used. */
async function noneIfUnknown(answers: Promise<string[]>): Promise<string[]> {
  try {
    return await answers;
  } catch (error) {
    if (systemErrorCode(error) !== undefined) return [];
    throw error;
  }
}

/** To stderr, which is the journal on a host; the prefix is the priority, see sd-daemon(3). */
export const stderrLog: Log = {
  info: (message) => void process.stderr.write(`${message}\n`),
  error: (message, error) =>
    void process.stderr.write(
      `${message}: ${explain(error)}`
        .split("\n")
        .map((line) => `<3>${line}\n`)
        .join(""),
    ),
};
