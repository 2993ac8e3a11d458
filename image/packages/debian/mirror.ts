/**
 * Where Debian's archives are served for this machine.
 *
 * The machine's own apt configuration names its mirror (sources.list(5)); only the address counts, for the suites
 * are ours. That a mirror is the right one shows in the signatures of what it serves, never in its name.
 */
import { join } from "node:path";
import { defined } from "../../../lib/defined.ts";
import { Failure } from "../../../lib/failure.ts";
import { namesIn, readTextIfPresent } from "../../../lib/files/files.ts";
import { parseControl } from "./control.ts";

/** Debian serves security updates from an archive of their own. */
export const archives = ["debian", "debian-security"] as const;
export type DebianArchive = (typeof archives)[number];

/** The address of each archive, without a slash at the end. */
export type DebianMirror = Readonly<Record<DebianArchive, string>>;

type Source = { uri: string; suite: string; components: readonly string[]; keyring: string };

const releases = "buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable";
const mainSuite = new RegExp(`^(${releases})(-updates|-proposed-updates|-backports)?$`);
const securitySuite = new RegExp(`^(${releases})(-security|/updates)$`);

/** The mirror a person gave: the main archive's address; the security archive is expected beside it. */
export function mirrorAt(address: string): DebianMirror {
  const main = URL.canParse(address) ? new URL(address) : undefined;
  if (main === undefined || (main.protocol !== "http:" && main.protocol !== "https:")) {
    throw new Failure("bad-mirror", `cannot use mirror ${JSON.stringify(address)}: expected an http or https address`, {
      hint: 'give the main archive, for example "http://mirror.example/debian"; "-security" is added for updates',
    });
  }
  const base = address.replace(/\/+$/, "");
  return { debian: base, "debian-security": `${base}-security` };
}

/**
 * The mirror that apt on this machine uses.
 *
 * @param root the directory that stands for `/`
 * @throws {Failure<"no-mirror">} when no source of apt serves Debian's main archive
 */
export async function mirrorOfMachine(root = "/"): Promise<DebianMirror> {
  const sources = await aptSources(join(root, "etc/apt"));
  const main = best(sources.filter(({ suite, components }) => mainSuite.test(suite) && components.includes("main")));
  if (main === undefined) {
    throw new Failure(
      "no-mirror",
      "cannot find a Debian mirror: no source under /etc/apt serves Debian's main archive",
      {
        hint: "give one with --mirror URL",
      },
    );
  }
  const security = best(sources.filter(({ suite }) => securitySuite.test(suite)));
  return { ...mirrorAt(main), ...defined({ "debian-security": security }) };
}

/** Third parties name their suites after Debian's releases too; Debian's own are known by keyring or path. */
function best(sources: readonly Source[]): string | undefined {
  const score = ({ uri, keyring }: Source): number =>
    (keyring.includes("debian-archive") ? 2 : 0) + (/\/debian(-security)?$/.test(uri) ? 1 : 0);
  return sources.toSorted((a, b) => score(b) - score(a))[0]?.uri;
}

async function aptSources(directory: string): Promise<Source[]> {
  const files = [join(directory, "sources.list")];
  for (const name of await namesIn(join(directory, "sources.list.d"))) {
    files.push(join(directory, "sources.list.d", name));
  }
  const found: Source[] = [];
  for (const file of files) {
    const text = (await readTextIfPresent(file)) ?? "";
    if (file.endsWith(".sources")) found.push(...deb822Sources(text, file));
    if (file.endsWith(".list")) found.push(...text.split("\n").flatMap(oneLineSource));
  }
  return found.filter(({ uri }) => /^https?:\/\//.test(uri));
}

function deb822Sources(text: string, file: string): Source[] {
  const words = (value: string | undefined): string[] => (value ?? "").split(/\s+/).filter((word) => word !== "");
  const found: Source[] = [];
  for (const source of parseControl(text, file)) {
    if (source.get("enabled")?.toLowerCase() === "no" || !words(source.get("types")).includes("deb")) continue;
    for (const uri of words(source.get("uris"))) {
      for (const suite of words(source.get("suites"))) {
        const components = words(source.get("components"));
        found.push({ uri: trimmed(uri), suite, components, keyring: source.get("signed-by") ?? "" });
      }
    }
  }
  return found;
}

/** `deb [signed-by=… arch=…] uri suite component…` */
function oneLineSource(line: string): Source[] {
  const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
  const [, options = "", uri, suite, components = ""] = match ?? [];
  if (uri === undefined || suite === undefined) return [];
  const keyring = /signed-by=(\S+)/.exec(options)?.[1] ?? "";
  return [{ uri: trimmed(uri), suite, components: components.trim().split(/\s+/), keyring }];
}

function trimmed(uri: string): string {
  return uri.replace(/\/+$/, "");
}
