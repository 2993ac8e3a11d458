/**
 * What a host knows about itself that no setting changes: its image and its machine. Read once, when the daemon starts.
 */
import { readFile } from "node:fs/promises";
import { Failure } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { readRecord } from "../../lib/files/record.ts";
import { architectures, type Architecture, type Variant } from "../../variants/variant.ts";
import { variantNamed } from "../../variants/all.ts";
import { variantRecord, variantRecordPath } from "../../variants/variant-record.ts";
import { readNetworkSource, type NetworkSource } from "../network/source.ts";
import { imageBundle } from "./outbound.ts";
import { hostPath, type System } from "./system.ts";

export type Facts = {
  variant: Variant;
  arch: Architecture;
  prettyName: string;
  versionId: string;
  /** The commit the image was built from. */
  buildId: string;
  /** Of this machine; what is left to pods depends on it. */
  processors: number;
  memoryBytes: number;
  /** The certificate authorities that the image trusts, as a PEM bundle. */
  certificates: string;
  /** How the links are configured, when somebody said so. */
  network: NetworkSource | undefined;
};

/** @throws {Failure<"bad-os-release">} when the image does not say what it is */
export async function readFacts(system: System): Promise<Facts> {
  const path = "/usr/lib/os-release";
  const fields = parseOsRelease(await readFile(hostPath(system, path), "utf8"));
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Failure("bad-os-release", `cannot read ${path}: it has no ${name}`);
    return value;
  };
  return {
    variant: (await ownVariant(system)) ?? variantNamed(field("VARIANT_ID")),
    arch: architectureOf(process.arch),
    prettyName: field("PRETTY_NAME"),
    versionId: field("VERSION_ID"),
    buildId: field("BUILD_ID"),
    ...system.size(),
    certificates: (await readTextIfPresent(hostPath(system, imageBundle))) ?? "",
    network: await readNetworkSource(system),
  };
}

/** What the image says of its variant, when that is not one of the table as it stands there. */
async function ownVariant(system: System): Promise<Variant | undefined> {
  return await readRecord(
    hostPath(system, `/${variantRecordPath}`),
    variantRecord,
    "the image is damaged: install another",
  );
}

/** The facts about the OS, by Bottlerocket's names: `os` in the answers of the API. */
export function osOf(facts: Facts) {
  return {
    arch: facts.arch,
    build_id: facts.buildId,
    pretty_name: facts.prettyName,
    variant_id: facts.variant.name,
    version_id: facts.versionId,
  };
}

/** The assignments of an os-release file; see os-release(5). Quotes are removed, backslash escapes resolved. */
export function parseOsRelease(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(line.trim());
    if (match === null) continue;
    const [, name = "", raw = ""] = match;
    const quoted = /^(["'])(.*)\1$/.exec(raw);
    fields.set(name, (quoted?.[2] ?? raw).replaceAll(/\\(["'$`\\])/g, "$1"));
  }
  return fields;
}

function architectureOf(processArch: string): Architecture {
  const architecture = { x64: architectures[0], arm64: architectures[1] }[processArch];
  if (architecture === undefined)
    throw new Failure("bad-architecture", `cannot run on ${processArch}: expected x64 or arm64`);
  return architecture;
}
