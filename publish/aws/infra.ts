/**
 * `Infra.toml`: where one's images go. The keys are those of Bottlerocket's file (its tools/pubsys/Infra.toml.example),
 * of which this reads the part about AWS; the other sections belong to others who read the same file.
 */
import { extname } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { parseTomlDocument } from "../../lib/text/toml-document.ts";

const region = z.string().regex(/^[a-z]{2,}(-[a-z]+)+-\d+$/, "a region such as eu-central-1 is expected");
const role = z.string().regex(/^arn:[\w-]+:iam::\d{12}:role\/.+$/, "the ARN of a role is expected");

const awsSchema = z.strictObject({
  /** Images are made in the first one, and copied to the others. */
  regions: z.tuple([region], region),
  /** Of the AWS configuration on this computer; what the SDK finds by itself when absent. */
  profile: z.string().min(1).optional(),
  /** Assumed before anything else is done. */
  role: role.optional(),
  /** What the names of parameters begin with. */
  ssm_prefix: z
    .string()
    .regex(/^\/[\w.-]+(\/[\w.-]+)*$/, "a path such as /acme/orlop is expected")
    .refine((prefix) => !/^\/(aws|ssm)/i.test(prefix), "AWS keeps names that begin with /aws or /ssm for itself")
    .optional(),
  region: z
    .record(
      region,
      z.strictObject({
        /** Assumed for this region, after `role`. */
        role: role.optional(),
        /** Every service of this region answers there. */
        endpoint: z.url({ protocol: /^https?$/ }).optional(),
      }),
    )
    .default({}),
  /** Where the repository of updates is kept: for other tools. */
  s3: z.unknown().optional(),
});

const infraSchema = z.strictObject({
  aws: awsSchema,
  repo: z.unknown().optional(),
  vmware: z.unknown().optional(),
  vendor: z.unknown().optional(),
});

export type AwsInfra = z.infer<typeof awsSchema>;

/**
 * Reads the file, or `Infra.lock` beside it when there is one: what a tool that made buckets and keys wrote of the same
 * content, as YAML.
 *
 * @throws {Failure<"no-such-file" | "bad-toml" | "bad-infra">}
 */
export async function readInfra(path: string): Promise<AwsInfra> {
  const lock = `${path.slice(0, -extname(path).length)}.lock`;
  const resolved = await readTextIfPresent(lock);
  if (resolved !== undefined) return parseLock(resolved, lock).aws;
  const text = await readTextIfPresent(path);
  if (text !== undefined) return parseTomlDocument(text, infraSchema, path).aws;
  throw new Failure("no-such-file", `cannot read ${path}: it does not exist`, {
    hint: "docs/publish.md shows one; --infra names another file",
  });
}

function parseLock(text: string, path: string): z.infer<typeof infraSchema> {
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw new Failure("bad-infra", `cannot read ${path}: ${error.message}`);
  const parsed = infraSchema.safeParse(withoutNulls(document.toJS()));
  if (parsed.success) return parsed.data;
  throw new Failure("bad-infra", `cannot read ${path}: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
}

/** Fields that were not set are null in YAML that Bottlerocket's tools write. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(fields.map(([name, inner]) => [name, withoutNulls(inner)]));
}

/**
 * Those of the file that were asked for, in the file's order; all unless some were.
 *
 * @throws {Failure<"no-such-region">}
 */
export function chosenRegions({ regions }: AwsInfra, wanted: readonly string[]): [string, ...string[]] {
  const unknown = wanted.find((name) => !regions.includes(name));
  if (unknown !== undefined) {
    throw new Failure("no-such-region", `cannot publish to ${unknown}: Infra.toml has ${regions.join(", ")}`);
  }
  const [first, ...rest] = wanted.length === 0 ? regions : regions.filter((name) => wanted.includes(name));
  return [first ?? regions[0], ...rest];
}
