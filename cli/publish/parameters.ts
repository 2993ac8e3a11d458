/** `./orlop publish parameters` and `publish promote`: names under which people look images up. */
import { readFile } from "node:fs/promises";
import type { Options } from "../../lib/command/command.ts";
import { Failure } from "../../lib/failure.ts";
import type { RegionAccess } from "../../publish/aws/access.ts";
import type { ParameterPlan, Template } from "../../publish/aws/parameters.ts";
import { architectureOption, verb } from "../context.ts";
import { awsOptions, buildArgument } from "./options.ts";

const templatesOption = {
  templates: {
    type: "text",
    value: "FILE",
    help: "TOML of names and values, as docs/publish.md shows; image_id and image_version unless given",
    complete: "files",
  },
} as const satisfies Options;

type Result = { planned: boolean; regions: Omit<ParameterPlan, "wanted">[] };

export const publishParameters = verb({
  name: "publish parameters",
  summary: "Set parameters of the Systems Manager that name a build's images",
  description: "Below `ssm_prefix` of Infra.toml: PREFIX/VARIANT/ARCH/VERSION-COMMIT/image_id.",
  examples: [{ run: "./orlop publish parameters build/aws --dry-run", description: "what would be set" }],
  arguments: { build: buildArgument },
  options: {
    ...awsOptions,
    ...templatesOption,
    "allow-clobber": { type: "boolean", help: "Overwrite parameters that have other values" },
  },
  async run({ invocation: { signal } }, values): Promise<Result> {
    const { awsFrom } = await import("./aws.ts");
    const { readBuild } = await import("../../image/finished-build.ts");
    const { amisIn } = await import("../../publish/aws/ami-list.ts");
    const { planParameters, refuseClobbering, renderTemplates } = await import("../../publish/aws/parameters.ts");
    const [{ infra, regions }, build] = [await awsFrom(values), await readBuild(values.build)];
    const { variant, architecture: arch, version, commit } = build.manifest;
    const prefix = prefixIn(infra, values.infra);
    const templates = await templatesFrom(values.templates);
    const images = await amisIn(
      build,
      regions.map(({ region }) => region),
    );
    const wanted = regions.map(({ region }) =>
      renderTemplates(templates, prefix, {
        variant,
        arch,
        image_id: images[region]?.id ?? "",
        image_name: images[region]?.name ?? "",
        image_version: `${version}-${commit}`,
        region,
      }),
    );
    const plans = await Promise.all(
      regions.map(async (access, at) => await planParameters(access, wanted[at] ?? new Map(), signal)),
    );
    if (!values["allow-clobber"]) refuseClobbering(plans);
    return await carriedOut(plans, { regions, planned: values["dry-run"] }, signal);
  },
  print: describe,
});

export const publishPromote = verb({
  name: "publish promote",
  summary: "Give a version's parameters a further name, such as latest",
  examples: [
    { run: "./orlop publish promote 0.1.0-dafe3b16 0.1.0 --variant aws-k8s-1.35", description: "without the commit" },
    { run: "./orlop publish promote 0.1.0 latest --variant aws-k8s-1.35", description: "and for everybody" },
  ],
  arguments: {
    source: { value: "SOURCE", help: "The version whose parameters are there" },
    target: { value: "TARGET", help: "What they are to be called as well" },
  },
  options: {
    ...awsOptions,
    ...templatesOption,
    variant: { type: "text", value: "NAME", help: "Of this variant", required: true },
    arch: { ...architectureOption, help: "And this architecture", default: "x86_64" },
  },
  async run({ invocation: { signal } }, values): Promise<Result> {
    const { awsFrom } = await import("./aws.ts");
    const { planParameters, promotedParameters } = await import("../../publish/aws/parameters.ts");
    const { infra, regions } = await awsFrom(values);
    const prefix = prefixIn(infra, values.infra);
    const templates = await templatesFrom(values.templates);
    const plans = await Promise.all(
      regions.map(async (access) => {
        const wanted = await promotedParameters(access, templates, prefix, values, signal);
        return await planParameters(access, wanted, signal);
      }),
    );
    return await carriedOut(plans, { regions, planned: values["dry-run"] }, signal);
  },
  print: describe,
});

async function carriedOut(
  plans: readonly ParameterPlan[],
  { regions, planned }: { regions: readonly RegionAccess[]; planned: boolean },
  signal: AbortSignal,
): Promise<Result> {
  const { writeParameters } = await import("../../publish/aws/parameters.ts");
  for (const plan of planned ? [] : plans) {
    const access = regions.find(({ region }) => region === plan.region);
    if (access !== undefined) await writeParameters(access, plan, signal);
  }
  return { planned, regions: plans.map(({ region, create, change, same }) => ({ region, create, change, same })) };
}

function describe({ planned, regions }: Result): string {
  return regions
    .flatMap(({ region, create, change, same }) => [
      ...create.map((name) => `${region}  ${name}  ${planned ? "would be set" : "set"}`),
      ...change.map((name) => `${region}  ${name}  ${planned ? "would be changed" : "changed"}`),
      ...same.map((name) => `${region}  ${name}  is so already`),
    ])
    .join("\n");
}

/** @throws {Failure<"no-prefix">} */
function prefixIn({ ssm_prefix: prefix }: { ssm_prefix?: string | undefined }, file: string): string {
  if (prefix !== undefined) return prefix;
  throw new Failure("no-prefix", `cannot name parameters: ${file} has no aws.ssm_prefix`);
}

async function templatesFrom(file: string | undefined): Promise<readonly Template[]> {
  const { parseTemplates, usualTemplates } = await import("../../publish/aws/parameters.ts");
  return file === undefined ? usualTemplates : parseTemplates(await readFile(file, "utf8"), file);
}
