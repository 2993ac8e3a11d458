/**
 * Parameters of the Systems Manager that name images, as people look them up:
 * `<prefix>/aws-k8s-1.35/x86_64/latest/image_id`. Shaped like Bottlerocket's below /aws/service, with a prefix of one's own.
 */
import { GetParametersCommand, PutParameterCommand } from "@aws-sdk/client-ssm";
import { z } from "zod";
import { Failure } from "../../lib/failure.ts";
import { parseTomlDocument } from "../../lib/text/toml-document.ts";
import { architectures, type Architecture } from "../../variants/variant.ts";
import type { RegionAccess } from "./access.ts";
import { atAws } from "./aws-error.ts";

const templatesSchema = z.strictObject({
  parameter: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        value: z.string().min(1),
        /** Only for these, unless it is for all. */
        variant: z.array(z.string()).optional(),
        arch: z.array(z.enum(architectures)).optional(),
      }),
    )
    .min(1),
});
export type Template = z.infer<typeof templatesSchema>["parameter"][number];

export const usualTemplates: readonly Template[] = [
  { name: "{variant}/{arch}/{image_version}/image_id", value: "{image_id}" },
  { name: "{variant}/{arch}/{image_version}/image_version", value: "{image_version}" },
];

/** What the variables of a template stand for. */
export type TemplateValues = {
  variant: string;
  arch: Architecture;
  image_id: string;
  image_name: string;
  /** "0.1.0-dafe3b16", or what a version was promoted to, such as "latest". */
  image_version: string;
  region: string;
};

/** By name. */
export type Parameters = ReadonlyMap<string, string>;

export type ParameterPlan = { region: string; create: string[]; change: string[]; same: string[]; wanted: Parameters };

/** Of AWS: names in one call of GetParameters. */
const mostNames = 10;

/** @throws {Failure<"bad-toml">} */
export function parseTemplates(text: string, file: string): Template[] {
  return parseTomlDocument(text, templatesSchema, file).parameter;
}

/**
 * @param prefix "/acme/orlop"
 * @throws {Failure<"bad-template">} when it names a variable that there is not, or two give the same name
 */
export function renderTemplates(templates: readonly Template[], prefix: string, values: TemplateValues): Parameters {
  const parameters = new Map<string, string>();
  for (const { name, value, variant, arch } of templates) {
    if (variant?.includes(values.variant) === false || arch?.includes(values.arch) === false) continue;
    const full = `${prefix}/${render(name, values)}`;
    if (parameters.has(full)) {
      throw new Failure("bad-template", `cannot render the template ${name}: another one gives ${full} too`);
    }
    parameters.set(full, render(value, values));
  }
  return parameters;
}

function render(template: string, values: TemplateValues): string {
  const known = new Map<string, string>(Object.entries(values));
  return template.replaceAll(/\{([^}]*)\}/g, (_, variable: string) => {
    const value = known.get(variable);
    if (value !== undefined) return value;
    throw new Failure("bad-template", `cannot render the template ${template}: there is no variable {${variable}}`, {
      hint: `there is ${[...known.keys()].join(", ")}`,
    });
  });
}

/** Compares what is wanted with what the region has. */
export async function planParameters(
  access: RegionAccess,
  wanted: Parameters,
  signal: AbortSignal,
): Promise<ParameterPlan> {
  const present = await readParameters(access, [...wanted.keys()], signal);
  const names = (keep: (name: string, value: string) => boolean): string[] =>
    [...wanted].filter(([name, value]) => keep(name, value)).map(([name]) => name);
  return {
    region: access.region,
    create: names((name) => !present.has(name)),
    change: names((name, value) => present.has(name) && present.get(name) !== value),
    same: names((name, value) => present.get(name) === value),
    wanted,
  };
}

/**
 * Before anything is written anywhere.
 *
 * @throws {Failure<"parameter-exists">}
 */
export function refuseClobbering(plans: readonly ParameterPlan[]): void {
  const changed = plans.flatMap(({ region, change }) => change.map((name) => `${name} in ${region}`));
  if (changed.length === 0) return;
  throw new Failure("parameter-exists", `cannot set ${changed.join(", ")}: they have other values`, {
    hint: "--allow-clobber overwrites them",
  });
}

/**
 * Writes what is new and what differs, and reads all of it again.
 *
 * @throws {Failure<"parameter-differs">}
 */
export async function writeParameters(access: RegionAccess, plan: ParameterPlan, signal: AbortSignal): Promise<void> {
  const { create, change, wanted } = plan;
  for (const name of [...create, ...change]) {
    const put = new PutParameterCommand({
      Name: name,
      Value: wanted.get(name),
      Type: "String",
      Overwrite: change.includes(name),
    });
    await atAws(
      `cannot set ${name} in ${access.region}`,
      async () => await access.ssm.send(put, { abortSignal: signal }),
    );
  }
  const after = await planParameters(access, wanted, signal);
  const wrong = [...after.create, ...after.change];
  if (wrong.length === 0) return;
  throw new Failure("parameter-differs", `cannot rely on ${access.region}: after writing, ${wrong.join(", ")} differ`);
}

/** Those that there are, by name. */
export async function readParameters(
  access: RegionAccess,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (let at = 0; at < names.length; at += mostNames) {
    const get = new GetParametersCommand({ Names: names.slice(at, at + mostNames) });
    const { Parameters: found = [] } = await atAws(
      `cannot read parameters in ${access.region}`,
      async () => await access.ssm.send(get, { abortSignal: signal }),
    );
    for (const { Name, Value } of found) if (Name !== undefined && Value !== undefined) values.set(Name, Value);
  }
  return values;
}

/**
 * What the names of one version hold, under the names of another: "0.1.0-dafe3b16" becomes "latest".
 *
 * @throws {Failure<"no-such-parameter">} when there is no parameter of the source
 */
export async function promotedParameters(
  access: RegionAccess,
  templates: readonly Template[],
  prefix: string,
  { variant, arch, source, target }: { variant: string; arch: Architecture; source: string; target: string },
  signal: AbortSignal,
): Promise<Parameters> {
  const namesOf = (version: string): string[] => [
    ...renderTemplates(templates, prefix, {
      variant,
      arch,
      image_id: "",
      image_name: "",
      image_version: version,
      region: access.region,
    }).keys(),
  ];
  const [from, to] = [namesOf(source), namesOf(target)];
  const present = await readParameters(access, from, signal);
  const pairs = from.flatMap((name, at) => {
    const [value, promoted] = [present.get(name), to[at]];
    return value === undefined || promoted === undefined ? [] : [[promoted, value] as const];
  });
  if (pairs.length > 0) return new Map(pairs);
  throw new Failure(
    "no-such-parameter",
    `cannot promote ${source} of ${variant} on ${arch} in ${access.region}: no parameter such as ${from[0]} is there`,
    { hint: "set them with `./orlop publish parameters`" },
  );
}
