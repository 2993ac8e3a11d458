/**
 * The Bun executables that programs are compiled onto: pinned by hash in `bun.sum`, fetched through npm, and changed so
 * that what is compiled onto them is a program and nothing else.
 */
import { createHash } from "node:crypto";
import { readFile, rename } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure } from "../lib/failure.ts";
import { readIfPresent, writeFileAtomic } from "../lib/files/files.ts";
import { run } from "../lib/program/process.ts";
import { say } from "../lib/progress.ts";
import { type WorkDirectory, workDirectory } from "../lib/files/work-directory.ts";

/** Named as in Bun's npm packages. */
export type BunPlatform = "linux-x64" | "linux-aarch64" | "darwin-aarch64";

/**
 * Variables by which whoever sets the environment makes a compiled program a general interpreter, or opens a debugger
 * that evaluates text in it. `BUN_INSPECT` also stands for the names that start with it.
 */
const neutralised = ["BUN_BE_BUN", "BUN_OPTIONS", "BUN_INSPECT"];

/** The path of an executable for `platform` on which a compiled program is only that program. */
export async function sealedBun(platform: BunPlatform): Promise<string> {
  const { sha256, packageSpec } = await pinned(platform);
  const sealedPath = join(storeDirectory(), `${sha256}-sealed`);
  // Its own hash is pinned nowhere, so it is made again, which takes less than a second, and compared.
  const wanted = sealed(await readFile(await fetchedBun(sha256, packageSpec)));
  const kept = await readIfPresent(sealedPath);
  if (kept === undefined || !wanted.equals(kept)) await writeFileAtomic(sealedPath, wanted, 0o755);
  return sealedPath;
}

/**
 * The same executable without the names of the variables.
 *
 * Bun has no switch for this, so the first letter of each name becomes a zero byte: no environment can hold a name
 * with one, and a lookup of it finds nothing. Names behind a dot are in the JavaScript of the debugger that is
 * thereby never started; they stay, because a zero byte would not parse there.
 */
export function sealed(original: Uint8Array): Buffer {
  const bytes = Buffer.from(original);
  for (const name of neutralised) {
    let count = 0;
    for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) {
      if (bytes[at - 1] === ".".charCodeAt(0)) continue;
      bytes[at] = 0;
      count++;
    }
    if (count === 0) {
      throw new Failure("cannot-seal", `cannot seal the Bun executable: it does not contain ${name}`, {
        hint: "this Bun reads its environment in another way; programs/bun-executable.ts must follow it",
      });
    }
  }
  return bytes;
}

type Pin = { sha256: string; packageSpec: string; version: string };

async function pinned(platform: BunPlatform): Promise<Pin> {
  const path = new URL("../bun.sum", import.meta.url).pathname;
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    const [, sha256, packageSpec, version] = /^([0-9a-f]{64}) {2}(@oven\/bun-\S+@(\S+))$/.exec(line) ?? [];
    if (sha256 === undefined || packageSpec === undefined || version === undefined) continue;
    if (packageSpec !== `@oven/bun-${platform}@${version}`) continue;
    if (version !== Bun.version) {
      throw new Failure("wrong-bun", `cannot compile with Bun ${Bun.version}: bun.sum pins ${version}`, {
        hint: "run this through `./orlop`",
      });
    }
    return { sha256, packageSpec, version };
  }
  throw new Failure("no-such-pin", `cannot compile for ${platform}: bun.sum has no line for it`);
}

/** Where `./orlop` keeps the Bun it runs on, too. A file's name says what it was when it came here. */
function storeDirectory(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "orlop", "bun");
}

/** For what is made of them. */
export async function workInStore(): Promise<WorkDirectory> {
  return await workDirectory(join(storeDirectory(), "work"));
}

async function fetchedBun(sha256: string, packageSpec: string): Promise<string> {
  const path = join(storeDirectory(), sha256);
  const kept = await readIfPresent(path);
  if (kept !== undefined && sha256Of(kept) === sha256) return path;
  // The one this runs on, when it is the same; it is there already.
  if (sha256Of(await readFile(process.execPath)) === sha256) return process.execPath;
  say(`fetching ${packageSpec} (50 MB)`);
  await using work = await workInStore();
  const { stdout } = await run(["npm", "pack", "--silent", packageSpec], { cwd: work.path });
  await run(["tar", "-xzf", stdout.trim()], { cwd: work.path });
  const fetched = join(work.path, "package", "bin", "bun");
  const actual = sha256Of(await readFile(fetched));
  if (actual !== sha256) {
    throw new Failure("hash-mismatch", `cannot use ${packageSpec}: its SHA-256 is ${actual}, bun.sum says ${sha256}`);
  }
  await rename(fetched, path);
  return path;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
