/** Protects: a build becomes images, permissions and parameters in AWS, by the words people type, whatever breaks on the way. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defined } from "../../lib/defined.ts";
import { invoke, type CommandOutcome } from "../../lib/command/command-line.ts";
import { parseJson } from "../../lib/text/json.ts";
import { type AmiList, amiListSchema } from "../../publish/aws/ami-list.ts";
import { blockBytes } from "../../publish/aws/disk-blocks.ts";
import { makeBuild } from "../../test/worlds/publish/build.ts";
import { sdkCallsIn } from "../../test/worlds/aws/sdk-calls.ts";
import { type SimulatedAws, startAws } from "../../test/worlds/aws/aws.ts";
import { orlop } from "../main.ts";

const publishing = await orlop(["publish"]);

const [home, away] = ["eu-west-1", "us-east-1"];
/** Blocks of the disk that hold something; all others are zeros. */
const fewBlocks = [0, 1, 5, ...Array.from({ length: 12 }, (_, at) => 100 + at), 600];
/** More than an upload keeps in its record at once. */
const manyBlocks = [...fewBlocks, ...Array.from({ length: 280 }, (_, at) => 200 + at)];

let aws: SimulatedAws;
let directory: string;
const environment = {
  AWS_ACCESS_KEY_ID: "test",
  AWS_SECRET_ACCESS_KEY: "test",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
};
const before = Object.keys(environment).map((variable) => [variable, process.env[variable]] as const);

beforeAll(async () => {
  aws = await startAws();
  Object.assign(process.env, environment);
}, 180_000);
afterAll(async () => {
  for (const [variable, value] of before) {
    if (value === undefined) delete process.env[variable];
    else process.env[variable] = value;
  }
  await aws[Symbol.asyncDispose]();
});
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "publish-ami-"));
  aws.beforeBlock = (body) => body;
  aws.forgetCalls();
});
afterEach(async () => await rm(directory, { recursive: true }));

const file = (path: string): string => join(directory, path);

/** A build whose disk has a few blocks; its name is new, as each build's is. */
async function makeDisk(commit: string, blocks = fewBlocks): Promise<void> {
  const image = file("disk");
  {
    await using handle = await open(image, "w");
    await handle.truncate(600 * blockBytes + 1024);
    for (const index of blocks) await handle.write(randomBytes(1024), 0, 1024, index * blockBytes);
  }
  for (const old of await readdir(directory)) if (old.startsWith("orlop-")) await rm(file(old));
  await makeBuild(directory, { variant: "aws-k8s-1.35", commit, image });
  const regions = [home, away].map((region) => `[aws.region.${region}]\nendpoint = "${aws.url}"\n`);
  await writeFile(
    file("Infra.toml"),
    `[aws]\nregions = ["${home}", "${away}"]\nssm_prefix = "/acme/orlop"\n${regions.join("")}[repo.default]\nmetadata_base_url = "https://updates.example.com"\n`,
  );
}

async function publish(words: readonly string[], signal?: AbortSignal): Promise<CommandOutcome> {
  const infra = ["--infra", file("Infra.toml")];
  return await invoke(publishing, ["publish", ...words, ...infra], defined({ signal }));
}

async function good(...words: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await publish(words);
  if (exitCode !== 0) throw new Error(`publish ${words.join(" ")}: ${stderr}`);
  return stdout;
}

async function amis(commit: string): Promise<AmiList> {
  return amiListSchema.parse(
    parseJson(await readFile(file(`orlop-aws-k8s-1.35-x86_64-0.2.0-${commit}-amis.json`), "utf8")),
  );
}

const count = (call: string): number => aws.calls.filter((made) => made === call).length;

test("a build becomes an image in every region, once however often it is published", async () => {
  await makeDisk("00000001");
  const planned = await good("ami", directory, "--dry-run");
  expect(planned).toContain(`${home}: would upload a snapshot and register orlop-aws-k8s-1.35-x86_64-0.2.0-00000001`);
  expect(planned).toContain(`${away}: would copy it from ${home}`);
  expect([...new Set(aws.calls.map((call) => call.split(" ")[1]))]).toEqual(["DescribeImages"]);

  await good("ami", directory, "--tpm");
  const images = await amis("00000001");
  const image = aws.image(home, images[home]?.id ?? "");
  expect(image).toMatchObject({
    name: "orlop-aws-k8s-1.35-x86_64-0.2.0-00000001",
    architecture: "x86_64",
    bootMode: "uefi",
    tpmSupport: "v2.0",
    imdsSupport: "v2.0",
    ena: true,
    volume: { gib: 22, type: "gp3", deleteOnTermination: true },
  });
  const blocks = aws.blocksOf(home, image?.snapshot ?? "");
  expect([...blocks.keys()].toSorted((a, b) => a - b)).toEqual(fewBlocks);
  await using disk = await open(file("disk"));
  for (const [index, bytes] of blocks) {
    const expected = Buffer.alloc(blockBytes);
    await disk.read(expected, 0, blockBytes, index * blockBytes);
    expect(Buffer.from(bytes).equals(expected)).toBe(true);
  }
  expect(images[away]?.id).toMatch(/^ami-/);
  expect(images[away]?.id).not.toBe(images[home]?.id);

  await good("ami", directory);
  expect(await amis("00000001")).toEqual(images);
  for (const call of ["ebs StartSnapshot", "ec2 RegisterImage"]) expect(count(`${call} ${home}`)).toBe(1);
  expect(count(`ec2 CopyImage ${away}`)).toBe(1);
});

test("an upload that broke off goes on in the same snapshot, past what is there", async () => {
  await makeDisk("00000002", manyBlocks);
  const stop = new AbortController();
  aws.beforeBlock = (body, blocks) => {
    if (blocks === 280) stop.abort(new Error("interrupted"));
    return body;
  };
  expect((await publish(["ami", directory], stop.signal)).exitCode).not.toBe(0);
  const begun = count(`ebs PutSnapshotBlock ${home}`);
  aws.beforeBlock = (body) => body;
  aws.forgetCalls();
  await good("ami", directory, "--regions", home);
  expect(count(`ebs StartSnapshot ${home}`)).toBe(0);
  expect(begun).toBeGreaterThanOrEqual(256);
  // A record is kept every 256 blocks; nothing before it goes up again.
  expect(count(`ebs PutSnapshotBlock ${home}`)).toBe(manyBlocks.length - 256);
  expect(Object.keys(await amis("00000002"))).toEqual([home]);
});

test("throttling is waited out, and a block that arrives spoilt is refused", async () => {
  await makeDisk("00000003");
  let throttled = 0;
  aws.beforeBlock = (body, blocks) => (blocks === 10 && throttled++ === 0 ? "throttle" : body);
  await good("ami", directory, "--regions", home);
  expect(throttled).toBeGreaterThan(0);

  await makeDisk("00000004");
  aws.beforeBlock = (body, blocks) => (blocks === 10 ? body.with(0, (body[0] ?? 0) ^ 1) : body);
  const { stderr, exitCode } = await publish(["ami", directory]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`cannot upload orlop-aws-k8s-1.35-x86_64-0.2.0-00000004 to ${home}: `);
  expect(stderr).toContain("the block has another checksum");
  expect(count(`ec2 RegisterImage ${home}`)).toBe(1);
});

test("permissions go to snapshots and images of all regions, and come back", async () => {
  await makeDisk("00000005");
  await good("ami", directory);
  const images = await amis("00000005");
  const users = ["--users", "111111111111,222222222222"];
  expect(await good("grant", directory, ...users, "--dry-run")).toContain(
    "would be granted to 111111111111, 222222222222",
  );
  expect(count(`ec2 ModifyImageAttribute ${home}`)).toBe(0);
  const granted = await good("grant", directory, ...users);
  expect(granted).toContain(`${home}  ${images[home]?.id}  granted to 111111111111, 222222222222`);
  expect(await good("grant", directory, ...users, "--dry-run")).toContain("is so already");
  for (const region of [home, away]) {
    expect(aws.calls.indexOf(`ec2 ModifySnapshotAttribute ${region}`)).toBeGreaterThanOrEqual(0);
    expect(aws.calls.indexOf(`ec2 ModifySnapshotAttribute ${region}`)).toBeLessThan(
      aws.calls.indexOf(`ec2 ModifyImageAttribute ${region}`),
    );
  }
  await good("revoke", directory, "--users", "111111111111");
  expect(await good("grant", directory, ...users, "--dry-run")).toContain("would be granted to 111111111111\n");
  await good(
    "grant",
    directory,
    "--groups",
    "all",
    "--organizations",
    "arn:aws:organizations::111111111111:organization/o-abc123",
  );
  const { stderr } = await publish(["grant", directory, "--users", "somebody"]);
  expect(stderr).toContain('cannot change permissions for "somebody": the 12 digits of an account is expected');
});

test("parameters name the images, are not overwritten unasked, and are promoted", async () => {
  await makeDisk("00000006");
  await good("ami", directory);
  const images = await amis("00000006");
  const full = "/acme/orlop/aws-k8s-1.35/x86_64/0.2.0-00000006/image_id";
  expect(await good("parameters", directory, "--dry-run")).toContain(`${home}  ${full}  would be set`);
  expect(count(`ssm PutParameter ${home}`)).toBe(0);
  await good("parameters", directory);
  expect(await good("parameters", directory)).toContain(`${away}  ${full}  is so already`);

  const promote = ["--variant", "aws-k8s-1.35"];
  await good("promote", "0.2.0-00000006", "0.2.0", ...promote);
  expect(await good("promote", "0.2.0", "latest", ...promote)).toContain(
    `${home}  /acme/orlop/aws-k8s-1.35/x86_64/latest/image_id  set`,
  );
  await writeFile(
    file("templates.toml"),
    '[[parameter]]\nname = "{variant}/{arch}/latest/image_id"\nvalue = "{image_id}"\n',
  );
  expect(await good("parameters", directory, "--templates", file("templates.toml"))).toContain("is so already");
  expect(images[home]?.id).toBeDefined();

  await writeFile(
    file("templates.toml"),
    '[[parameter]]\nname = "{variant}/{arch}/latest/image_id"\nvalue = "{image_name}"\n',
  );
  const clobbering = ["parameters", directory, "--templates", file("templates.toml")];
  const refused = await publish(clobbering);
  expect(refused.stderr).toContain("cannot set /acme/orlop/aws-k8s-1.35/x86_64/latest/image_id in eu-west-1");
  expect(refused.stderr).toContain("--allow-clobber");
  expect(await good(...clobbering, "--allow-clobber")).toContain("latest/image_id  changed");
  const { stderr } = await publish(["promote", "9.9.9", "latest", ...promote]);
  expect(stderr).toMatch(/cannot promote 9\.9\.9 of aws-k8s-1\.35 on x86_64 in \S+: no parameter such as/);
});

test("a region's own role is assumed, and what its account may copy is granted to it", async () => {
  await makeDisk("00000007");
  const infra = await readFile(file("Infra.toml"), "utf8");
  const role = `role = "arn:aws:iam::333333333333:role/publisher"\n`;
  await writeFile(file("Infra.toml"), infra.replace(`[aws.region.${away}]\n`, `[aws.region.${away}]\n${role}`));
  await good("ami", directory);
  expect(count(`sts AssumeRole ${away}`)).toBeGreaterThan(0);
  expect(count(`ec2 ModifySnapshotAttribute ${home}`)).toBe(1);
  expect(count(`ec2 ModifyImageAttribute ${home}`)).toBe(1);
  expect(count(`ec2 CopyImage ${away}`)).toBe(1);
  const images = await amis("00000007");
  expect(aws.image(away, images[away]?.id ?? "")).toMatchObject({ bootMode: "uefi", imdsSupport: "v2.0" });
  expect(await good("grant", directory, "--users", "333333333333", "--regions", home)).toContain("is so already");
});

test("what is wrong with Infra.toml is told with its place", async () => {
  await makeDisk("00000008");
  await writeFile(file("Infra.toml"), '[aws]\nregions = ["Frankfurt"]\n');
  const wrong = await publish(["ami", directory]);
  expect(wrong.stderr).toContain("line 2, column 12: aws.regions.0: a region such as eu-central-1 is expected");
  await writeFile(file("Infra.toml"), '[aws]\nregions = ["eu-west-1"]\nssm_prefix = "/aws/service/orlop"\n');
  expect((await publish(["ami", directory])).stderr).toContain("AWS keeps names that begin with /aws");
  await rm(file("Infra.toml"));
  expect((await publish(["ami", directory])).stderr).toContain("it does not exist");
});

// The last one: it looks back at all of them.
test("every call of AWS that publishing makes was made above", async () => {
  // The SDK itself assumes roles.
  const calls = [...(await sdkCallsIn(join(import.meta.dir, "../../publish/aws"))), "sts AssumeRole"];
  expect(calls).toContain("ebs PutSnapshotBlock");
  expect(calls.filter((call) => !aws.everCalled.has(call))).toEqual([]);
});
