/**
 * The support archive: everything useful and no secret. What cannot be had is told in `logdog.errors` inside it and
 * keeps nothing else out.
 */
import { readFile } from "node:fs/promises";
import { explain } from "../../lib/failure.ts";
import { hostPath, type System } from "../system.ts";
import type { Request } from "./requests.ts";

/** Where the archive goes unless told otherwise, and where the API finds it. */
export const archivePath = "/var/log/support/orlop-logs.tar.gz";

const programTimeoutMs = 60_000;
/** Of one file, from its end. */
const mostBytes = 64 * 1024 * 1024;

/**
 * The content of the archive by name.
 *
 * @param mask takes secrets out of every text
 * @param known what the caller knows already, without secrets: settings, status
 */
export async function collect(
  system: System,
  requests: readonly Request[],
  known: Readonly<Record<string, () => Promise<string>>>,
  mask: (text: string) => string,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const collected: Record<string, string> = {};
  const errors: string[] = [];
  const add = async (name: string, read: () => Promise<string>): Promise<void> => {
    signal.throwIfAborted();
    try {
      collected[name] = mask((await read()).slice(-mostBytes));
    } catch (error) {
      signal.throwIfAborted();
      errors.push(mask(`${name}: ${explain(error)}`));
    }
  };
  for (const [name, read] of Object.entries(known)) await add(name, read);
  // One after the other: whoever needs this has a machine in need.
  for (const request of requests) await add(request.name, async () => await answer(system, request, signal));
  return errors.length === 0 ? collected : { ...collected, "logdog.errors": `${errors.join("\n")}\n` };
}

async function answer(system: System, request: Request, signal: AbortSignal): Promise<string> {
  if ("file" in request) return await readFile(hostPath(system, request.file), "utf8");
  return await system.run(request.run, { limitMs: programTimeoutMs, outputBytesMost: mostBytes, signal });
}

/** The archive as one file: tar and gzip, below one directory. */
export async function pack(directory: string, content: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const entries = Object.fromEntries(Object.entries(content).map(([name, text]) => [`${directory}/${name}`, text]));
  return await new Bun.Archive(entries, { compress: "gzip" }).bytes();
}
