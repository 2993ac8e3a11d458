/** Which host is meant: the one this runs on, one named by its URL, or one whose access is kept in a context file. */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import type { HostAddress } from "../../../api/client/transport.ts";
import { hostSocket } from "../../../api/host-socket.ts";
import { Failure, isNotFound } from "../../../lib/failure.ts";
import { readRecord } from "../../../lib/files/record.ts";
import { usageFailure } from "../../../lib/command/command.ts";

export type AddressOptions = {
  readonly "socket-path"?: string | undefined;
  readonly host?: string | undefined;
  readonly ca?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly context?: string | undefined;
};

/** How to reach one host, kept as `NAME.json` in the contexts directory. Paths are relative to the file. */
export const contextFile = z.strictObject({
  url: z.url({ protocol: /^https$/ }),
  certificate: z.string(),
  key: z.string(),
  ca: z.string().exactOptional(),
  fingerprint: z.string().exactOptional(),
});
export type ContextFile = z.infer<typeof contextFile>;

export function contextsDirectory(): string {
  return join(process.env["XDG_CONFIG_HOME"] ?? join(homedir(), ".config"), "orlop", "contexts");
}

/** @throws {Failure<"usage" | "no-such-context" | "damaged-record" | "cannot-read">} */
export async function hostAddress(options: AddressOptions): Promise<HostAddress> {
  const { host, context, "socket-path": socket } = options;
  const named = Object.entries({ "--host": host, "--context": context, "--socket-path": socket }).filter(
    ([, value]) => value !== undefined,
  );
  if (named.length > 1) throw usageFailure(`${named.map(([name]) => name).join(" and ")} exclude each other`);
  if (context !== undefined) return await addressOfContext(context);
  if (host !== undefined) return await remoteAddress({ ...options, host });
  for (const name of ["ca", "fingerprint", "cert", "key"] as const) {
    if (options[name] !== undefined) throw usageFailure(`--${name} needs --host`);
  }
  return { socket: socket ?? hostSocket };
}

async function remoteAddress(options: AddressOptions & { host: string }): Promise<HostAddress> {
  const { host, cert, key, ca, fingerprint } = options;
  if (cert === undefined || key === undefined) {
    throw usageFailure("--host needs the client's certificate and key: --cert FILE --key FILE");
  }
  const url = host.includes("://") ? host : `https://${host}`;
  if (!URL.canParse(url) || new URL(url).protocol !== "https:") {
    throw usageFailure(`--host must be a name, an address or an https URL, not "${host}"`);
  }
  return { url, certificate: await read(cert), key: await read(key), trust: await trustOf({ ca, fingerprint }) };
}

type Trust = { ca?: string | undefined; fingerprint?: string | undefined };

async function trustOf({ ca, fingerprint }: Trust): Promise<{ ca: string } | { fingerprint: string }> {
  if (ca !== undefined && fingerprint === undefined) return { ca: await read(ca) };
  if (fingerprint !== undefined && ca === undefined) return { fingerprint };
  throw usageFailure("a remote host is known by one of --ca FILE and --fingerprint HEX, which its console shows");
}

async function addressOfContext(name: string): Promise<HostAddress> {
  const path = join(contextsDirectory(), `${name}.json`);
  const context = await readRecord(path, contextFile, "write it as docs/api.md shows, or remove it");
  if (context === undefined) {
    const names = await contextNames();
    throw new Failure("no-such-context", `cannot find the context ${name}: there is no ${path}`, {
      hint: names.length === 0 ? "`./orlop up` makes one for each machine" : `there are ${names.join(", ")}`,
    });
  }
  const { url, certificate, key, ca, fingerprint } = context;
  const beside = (file: string): string => resolve(dirname(path), file);
  return {
    url,
    certificate: await read(beside(certificate)),
    key: await read(beside(key)),
    trust: await trustOf({ fingerprint, ...(ca === undefined ? {} : { ca: beside(ca) }) }),
  };
}

/** The contexts that are there, by name. */
export async function contextNames(): Promise<string[]> {
  try {
    const files = await readdir(contextsDirectory());
    return files.filter((file) => file.endsWith(".json")).map((file) => file.slice(0, -".json".length));
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Failure("cannot-read", `cannot read ${path}`, { cause: error });
  }
}
