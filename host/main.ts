/**
 * The one executable of a host: the name it is called by says which program it is. Called by its own name, the first
 * word says so: `orlop apiclient status`.
 *
 * Every program is imported when it is meant, so that none pays for the others at its start.
 */
import { basename } from "node:path";
import { z } from "zod";
import { executable, names, type Name } from "./names.ts";

// Otherwise zod writes a function for each schema that it meets, and evaluates it: most schemas are used once or never,
// and no text becomes code on a host. Said before a program is imported, for some read values while they are.
z.config({ jitless: true });

const programs: Record<Name, (words: readonly string[]) => Promise<unknown>> = {
  hostd: async (words) => await (await import("./daemon/main.ts")).main(words),
  signpost: async (words) => await (await import("./commands/signpost.ts")).main(words),
  metricdog: async (words) => await (await import("./commands/metricdog.ts")).main(words),
  logdog: async (words) => await (await import("./commands/logdog.ts")).main(words),
  "host-ctr": async (words) => await (await import("./commands/host-ctr.ts")).main(words),
  bootstrap: async (words) => await (await import("./commands/bootstrap.ts")).main(words),
  "ephemeral-storage": async (words) => await (await import("./commands/ephemeral-storage.ts")).main(words),
  extensions: async (words) => await (await import("./commands/extensions.ts")).main(words),
  kdump: async (words) => await (await import("./commands/kdump.ts")).main(words),
  "data-disk": async (words) => await (await import("./commands/data-disk.ts")).main(words),
  "storage-seal": async (words) => await (await import("./commands/storage-seal.ts")).main(words),
  apiclient: async (words) => await (await import("./commands/apiclient.ts")).main(words),
};

const called = basename(process.argv0);
const rest = process.argv.slice(2);
const isName = (word: string | undefined): word is Name => names.some((name) => name === word);
// From source, what is called is the runtime.
const [name, words] = isName(called) ? [called, rest] : [rest[0] ?? "", rest.slice(1)];
const known = isName(name) ? name : undefined;
if (known === undefined) {
  process.stderr.write(`${executable}: ${name === "" ? "no name" : `"${name}"`} is none of ${names.join(", ")}\n`);
  process.exit(2);
}
await programs[known](words);
