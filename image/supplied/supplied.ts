/**
 * Programs that no registry carries: whoever builds an image brings them, each with its licence.
 *
 * What is brought is held to the list of SHA-256 beside this file, which its owner extends, so that two builds have the same
 * bytes, and nothing gets into an image unseen.
 */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Failure, isNotFound } from "../../lib/failure.ts";
import { readTextIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { say } from "../../lib/progress.ts";
import type { Architecture, SuppliedName } from "../../variants/variant.ts";
import { type InputFile, inputFile } from "../inputs.ts";
import { sha256OfFile } from "../packages/cache.ts";

type SuppliedProgram = {
  /** What it is, after "the". */
  description: string;
  vendor: string;
  /** Where its owner offers it. */
  from: string;
  /** SPDX. */
  license: string;
};

const ssm = {
  vendor: "Amazon Web Services",
  from: "https://github.com/aws/amazon-ssm-agent/releases",
  license: "Apache-2.0",
} as const;

const ecsPlugin = {
  vendor: "Amazon Web Services",
  from: "https://github.com/aws/amazon-ecs-cni-plugins",
  license: "Apache-2.0",
} as const;
const vpcPlugin = { ...ecsPlugin, from: "https://github.com/aws/amazon-vpc-cni-plugins" } as const;

export const suppliedPrograms: Readonly<Record<SuppliedName, SuppliedProgram>> = {
  "ecs-agent": {
    description: "agent of Amazon ECS",
    vendor: "Amazon Web Services",
    from: "https://github.com/aws/amazon-ecs-agent/releases",
    license: "Apache-2.0",
  },
  "ssm-agent": { description: "agent of SSM, amazon-ssm-agent", ...ssm },
  "ssm-agent-worker": { description: "worker of SSM's agent, ssm-agent-worker", ...ssm },
  "ssm-document-worker": { description: "part of SSM's agent that runs commands, ssm-document-worker", ...ssm },
  "ssm-session-worker": { description: "part of SSM's agent that holds sessions, ssm-session-worker", ...ssm },
  "vpc-eni": { description: "plug-in of the network of tasks, vpc-eni", ...vpcPlugin },
  "vpc-branch-eni": { description: "plug-in of the network of tasks, vpc-branch-eni", ...vpcPlugin },
  "ecs-bridge": { description: "plug-in of the network of tasks, ecs-bridge", ...ecsPlugin },
  "ecs-ipam": { description: "plug-in of the network of tasks, ecs-ipam", ...ecsPlugin },
  "aws-appmesh": { description: "plug-in of the network of tasks, aws-appmesh", ...vpcPlugin },
};

/** What the control container has beside our programs, all of it or nothing, by its name in /usr/bin. */
export const ssmAgent = {
  "amazon-ssm-agent": "ssm-agent",
  "ssm-agent-worker": "ssm-agent-worker",
  "ssm-document-worker": "ssm-document-worker",
  "ssm-session-worker": "ssm-session-worker",
} as const satisfies Readonly<Record<string, SuppliedName>>;

/** Each of its programs with its name there; none when nobody brings any. @throws as trustedSupply */
export async function suppliedSsmAgent(options: SuppliedOptions): Promise<Record<string, TrustedSupply>> {
  const programs: Record<string, TrustedSupply> = {};
  if (Object.values(ssmAgent).every((name) => options.supply[name] === undefined)) return programs;
  for (const [program, name] of Object.entries(ssmAgent)) programs[program] = await trustedSupply(name, options);
  return programs;
}

/** Where somebody has them. */
export type Supply = Partial<Readonly<Record<SuppliedName, string>>>;

export type SuppliedOptions = {
  architecture: Architecture;
  supply: Supply;
  /** What to do with a program that is not on the list: refuse it, or write it there. */
  trust?: "listed" | "new";
  /** Where the lists are; this tree's unless given. */
  lists?: string;
};

/** A program that was brought and is trusted, with its licence. */
export type TrustedSupply = { name: SuppliedName; file: InputFile; license: InputFile; spdx: string };

const ownLists = import.meta.dir;
/** ELF(5): the magic, 64 bits, least significant byte first; then, at byte 18, the machine. */
const elfStart = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
const machines: Readonly<Record<Architecture, number>> = { x86_64: 62, aarch64: 183 };

/** @throws {Failure<"not-supplied" | "bad-supply" | "untrusted-supply">} */
export async function trustedSupply(
  name: SuppliedName,
  { architecture, supply, trust = "listed", lists = ownLists }: SuppliedOptions,
): Promise<TrustedSupply> {
  const { description, vendor, from, license: spdx } = suppliedPrograms[name];
  const path = supply[name];
  if (path === undefined) {
    throw new Failure(
      "not-supplied",
      `cannot build the image without the ${description}: download it for ${architecture} from ${vendor} (${from}) and give it as --supply ${name}=FILE, with its licence as LICENSE beside it`,
    );
  }
  await requireExecutable(name, path, architecture);
  const license = await licenseBeside(name, path);
  const sha256 = await sha256OfFile(path);
  await requireTrust({ name, path, sha256, architecture }, trust, lists);
  return { name, file: await inputFile(path), license: await inputFile(license), spdx };
}

async function requireExecutable(name: SuppliedName, path: string, architecture: Architecture): Promise<void> {
  const fail = (reason: string): Failure => new Failure("bad-supply", `cannot take ${path} as ${name}: ${reason}`);
  let start: Buffer;
  try {
    start = Buffer.from(await Bun.file(path).slice(0, 20).arrayBuffer());
  } catch (error) {
    if (isNotFound(error)) throw fail("there is no such file");
    throw error;
  }
  if (!start.subarray(0, elfStart.length).equals(elfStart)) throw fail("it is no executable of Linux");
  if (start.readUInt16LE(18) !== machines[architecture]) throw fail(`it is not for ${architecture}`);
}

async function licenseBeside(name: SuppliedName, path: string): Promise<string> {
  const license = join(dirname(path), "LICENSE");
  try {
    if ((await stat(license)).size > 0) return license;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  throw new Failure("bad-supply", `cannot take ${path} as ${name}: its licence does not lie beside it, as ${license}`);
}

type Brought = { name: SuppliedName; path: string; sha256: string; architecture: Architecture };

async function requireTrust(
  { name, path, sha256, architecture }: Brought,
  trust: "listed" | "new",
  lists: string,
): Promise<void> {
  const list = join(lists, `${name}.sha256`);
  const line = `${sha256}  ${name}-${architecture}`;
  const lines = ((await readTextIfPresent(list)) ?? "").split("\n").filter((each) => each !== "");
  if (lines.includes(line)) return;
  if (trust === "new") {
    await writeFileAtomic(list, `${[...lines, line].join("\n")}\n`);
    say(`wrote ${list}: ${line}`);
    return;
  }
  throw new Failure("untrusted-supply", `cannot take ${path} as ${name}: its SHA-256, ${sha256}, is not in ${list}`, {
    hint: "compare it with what its owner publishes; --trust-new then writes it there",
  });
}

/** @throws {Failure<"bad-supply">} unless the text is "NAME=FILE" with a name that is known */
export function parseSupply(texts: readonly string[]): Supply {
  const supply: Partial<Record<SuppliedName, string>> = {};
  for (const text of texts) {
    const [, name = "", path = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    const known = Object.keys(suppliedPrograms).find((each): each is SuppliedName => each === name);
    if (known === undefined) {
      throw new Failure(
        "bad-supply",
        `cannot read --supply ${text}: NAME=FILE is expected, with one of the names ${Object.keys(suppliedPrograms).join(", ")}`,
      );
    }
    supply[known] = path;
  }
  return supply;
}
