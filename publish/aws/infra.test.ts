import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chosenRegions, readInfra } from "./infra.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "infra-"));
});
afterAll(async () => await rm(directory, { recursive: true }));

const toml = `[repo.default]
metadata_base_url = "https://updates.example.com/"
[aws]
regions = ["eu-central-1", "us-east-1"]
role = "arn:aws:iam::123456789012:role/publisher"
ssm_prefix = "/acme/orlop"
[aws.region.us-east-1]
role = "arn:aws:iam::210987654321:role/publisher"
`;

async function infraOf(name: string, text: string) {
  const path = join(directory, `${name}.toml`);
  await writeFile(path, text);
  return await readInfra(path);
}

test("the part about AWS is read, with roles for single regions", async () => {
  const infra = await infraOf("whole", toml);
  expect(infra.regions).toEqual(["eu-central-1", "us-east-1"]);
  expect(infra.region["us-east-1"]?.role).toContain("210987654321");
  expect(chosenRegions(infra, [])).toEqual(["eu-central-1", "us-east-1"]);
  expect(chosenRegions(infra, ["us-east-1"])).toEqual(["us-east-1"]);
  expect(() => chosenRegions(infra, ["us-west-2"])).toThrow("Infra.toml has eu-central-1, us-east-1");
});

test("what was resolved wins over what was written", async () => {
  const lock = "repo: null\naws:\n  regions: [eu-west-1]\n  role: null\n  ssm_prefix: /acme/resolved\n";
  await writeFile(join(directory, "locked.lock"), lock);
  expect(await infraOf("locked", toml)).toMatchObject({ regions: ["eu-west-1"], ssm_prefix: "/acme/resolved" });
  await writeFile(join(directory, "locked.lock"), "aws: [");
  await expect(infraOf("locked", toml)).rejects.toMatchObject({ code: "bad-infra" });
});

test.each([
  [
    "a region that is none",
    toml.replace("eu-central-1", "Frankfurt"),
    "line 4, column 12: aws.regions.0: a region such as",
  ],
  ["no region", toml.replace(/regions = .*/, "regions = []"), "aws.regions"],
  [
    "a role that is none",
    toml.replace("arn:aws:iam::123456789012:role/", ""),
    "line 5, column 8: aws.role: the ARN of a role",
  ],
  ["a prefix of AWS", toml.replace("/acme", "/aws"), "line 6, column 14: aws.ssm_prefix: AWS keeps names"],
  ["a key that there is not", toml.replace("ssm_prefix", "ssm_praefix"), "aws.ssm_praefix: there is no such key"],
])("%s is refused with its place", async (_case, text, message) => {
  await expect(infraOf("wrong", text)).rejects.toThrow(message);
});
