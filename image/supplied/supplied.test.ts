import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { variantNamed } from "../../variants/all.ts";
import { awsEcs1 } from "../../variants/aws-ecs-1.ts";
import { hasTaskNetwork, withTaskNetwork } from "../../variants/flavours/task-network.ts";
import { formatVariantRecord } from "../../variants/variant-record.ts";
import { parseSupply, suppliedSsmAgent, trustedSupply, type SuppliedOptions } from "./supplied.ts";

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "supplied-"));
  path = join(directory, "agent");
  await writeFile(path, executable(62, "1.100.0"));
  await writeFile(join(directory, "LICENSE"), "Apache License\n");
});
afterEach(async () => await rm(directory, { recursive: true }));

/** The start of an ELF file, and something behind it. */
function executable(machine: number, content: string): Buffer {
  const start = Buffer.alloc(20);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]).copy(start);
  start.writeUInt16LE(machine, 18);
  return Buffer.concat([start, Buffer.from(content)]);
}

const taken = async (options: Partial<SuppliedOptions> = {}) =>
  await trustedSupply("ecs-agent", {
    architecture: "x86_64",
    supply: { "ecs-agent": path },
    lists: directory,
    ...options,
  });

test("who brings nothing is told in one sentence what to download from whom", async () => {
  await expect(taken({ supply: {} })).rejects.toMatchObject({
    code: "not-supplied",
    message:
      "cannot build the image without the agent of Amazon ECS: download it for x86_64 from Amazon Web Services (https://github.com/aws/amazon-ecs-agent/releases) and give it as --supply ecs-agent=FILE, with its licence as LICENSE beside it",
  });
});

test("what is not on the list is refused with its hash, until its owner has written it there", async () => {
  await expect(taken()).rejects.toMatchObject({
    code: "untrusted-supply",
    message: expect.stringMatching(/its SHA-256, [0-9a-f]{64}, is not in .*ecs-agent\.sha256$/),
  });
  const { file } = await taken({ trust: "new" });
  expect(await readFile(join(directory, "ecs-agent.sha256"), "utf8")).toBe(`${file.sha256}  ecs-agent-x86_64\n`);
  expect(await taken()).toMatchObject({ name: "ecs-agent", spdx: "Apache-2.0" });
  await writeFile(path, executable(62, "1.100.1"));
  await expect(taken()).rejects.toMatchObject({ code: "untrusted-supply" });
  await taken({ trust: "new" });
  expect((await readFile(join(directory, "ecs-agent.sha256"), "utf8")).split("\n")).toHaveLength(3);
});

test("what is no program of the architecture, or has no licence beside it, is refused before it is listed", async () => {
  await expect(taken({ architecture: "aarch64", trust: "new" })).rejects.toThrow("it is not for aarch64");
  await expect(taken({ supply: { "ecs-agent": join(directory, "no") } })).rejects.toThrow("there is no such file");
  await writeFile(path, "#!/bin/sh\n");
  await expect(taken({ trust: "new" })).rejects.toThrow("it is no executable of Linux");
  await writeFile(path, executable(62, ""));
  await rm(join(directory, "LICENSE"));
  await expect(taken({ trust: "new" })).rejects.toThrow("its licence does not lie beside it");
});

test("only what is known by name is supplied", () => {
  expect(parseSupply(["ecs-agent=a/b=c"])).toEqual({ "ecs-agent": "a/b=c" });
  expect(() => parseSupply(["ecs-agent"])).toThrow("NAME=FILE is expected");
  expect(() => parseSupply(["kubelet=x"])).toThrow("one of the names ecs-agent, ssm-agent, ");
});

test("of SSM's agent all programs are brought, or none", async () => {
  const options = { architecture: "x86_64", lists: directory, trust: "new" } as const;
  expect(await suppliedSsmAgent({ ...options, supply: { "ecs-agent": path } })).toEqual({});
  await expect(suppliedSsmAgent({ ...options, supply: { "ssm-agent": path } })).rejects.toThrow(
    "without the worker of SSM's agent, ssm-agent-worker",
  );
  const all = ["ssm-agent", "ssm-agent-worker", "ssm-document-worker", "ssm-session-worker"];
  const whole = await suppliedSsmAgent({ ...options, supply: parseSupply(all.map((name) => `${name}=${path}`)) });
  expect(Object.keys(whole)).toEqual(["amazon-ssm-agent", ...all.slice(1)]);
});

test("the plug-ins of the network of tasks make an image that has all of them, or none", () => {
  expect(withTaskNetwork(awsEcs1, ["ecs-agent"])).toBe(awsEcs1);
  expect(hasTaskNetwork(awsEcs1)).toBe(false);
  const variant = withTaskNetwork(awsEcs1, ["ecs-agent", "ecs-ipam"]);
  expect(hasTaskNetwork(variant)).toBe(true);
  expect(Object.values(variant.supplied ?? {})).toEqual([
    "ecs-agent",
    "vpc-eni",
    "vpc-branch-eni",
    "ecs-bridge",
    "ecs-ipam",
    "aws-appmesh",
  ]);
  // The image says so of itself, which is how its host knows.
  expect(formatVariantRecord(variant)).toContain('"usr/libexec/amazon-ecs-cni-plugins/vpc-eni": "vpc-eni"');
  const metal = variantNamed("metal-dev");
  expect(withTaskNetwork(metal, ["vpc-eni"])).toBe(metal);
});
