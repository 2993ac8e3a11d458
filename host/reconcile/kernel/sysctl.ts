/**
 * Kernel parameters from `settings.kernel.sysctl` and `settings.network.disable-ipv6`. Bottlerocket calls this corndog.
 *
 * What a parameter was before it was first set is kept in `/run/orlop/sysctl`, so that a setting that is deleted
 * returns to that value and not only at the next boot. A parameter that the kernel does not have is a warning: it may
 * come with a module that somebody loads later, and is set then.
 */
import { constants, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isNotFound, systemErrorCode } from "../../../lib/failure.ts";
import { isPresent, namesIn, removeIfPresent, writeFileAtomic } from "../../../lib/files/files.ts";
import { hostPath, type System } from "../../machine/system.ts";
import { actOnUnit, UnitFailure } from "../../machine/unit.ts";
import { reconciler } from "../reconciler.ts";

const formerDirectory = "/run/orlop/sysctl";
const unitParameter = "/run/orlop/parameter.conf";

/** As the kernel has it. One that only takes values cannot be read; it is written at every pass. */
export type Parameter = { kind: "value"; value: string } | { kind: "unreadable" } | { kind: "absent" };
type Actual = {
  /** By key; of what is desired and of what has a former value. */
  parameters: ReadonlyMap<string, Parameter>;
  former: ReadonlyMap<string, string>;
};
type Step =
  | { kind: "set"; key: string; value: string }
  | { kind: "return"; key: string; value: string }
  | { kind: "forget"; key: string };

export const sysctl = reconciler<ReadonlyMap<string, string>, Actual, Step>({
  name: "sysctl",
  desired({ kernel, network }) {
    // The network's own daemon only ever switches IPv6 on.
    const disabled = (network["disable-ipv6"] ?? []).map(
      (name) => [`net/ipv6/conf/${name}/disable_ipv6`, "1"] as const,
    );
    return new Map([...disabled, ...Object.entries(kernel.sysctl)]);
  },
  observe,
  plan: planSysctl,
  warnings: (desired, { parameters }) =>
    [...desired.keys()]
      .filter((key) => !isThere(parameters, key))
      .map((key) => `cannot set ${key}: the kernel has no such parameter; it is set when a module brings it`),
  describe: (step) =>
    step.kind === "forget" ? undefined : { description: `${step.kind} ${step.key} to ${step.value}` },
  apply,
  afterFailure: "continue",
});

export function planSysctl(desired: ReadonlyMap<string, string>, { parameters, former }: Actual): Step[] {
  const steps: Step[] = [];
  for (const [key, value] of desired) {
    const parameter = parameters.get(key);
    if (!isThere(parameters, key)) continue;
    if (parameter?.kind === "value" && means(value) === means(parameter.value)) continue;
    steps.push({ kind: "set", key, value });
  }
  for (const [key, value] of former) {
    if (desired.has(key)) continue;
    steps.push(isThere(parameters, key) ? { kind: "return", key, value } : { kind: "forget", key });
  }
  return steps;
}

function isThere(parameters: ReadonlyMap<string, Parameter>, key: string): boolean {
  return (parameters.get(key) ?? absent).kind !== "absent";
}

const absent = { kind: "absent" } as const;

/** The kernel answers in tabs and decimal numbers, whatever was written. */
function means(value: string): string {
  const words = value.trim().split(/\s+/);
  return words.map((word) => (/^(0x[0-9a-f]+|\d+)$/i.test(word) ? String(BigInt(word)) : word)).join(" ");
}

/**
 * Where a parameter is. Dots separate words; when a slash comes first, slashes do, and dots belong to a word, as in
 * `net/ipv4/conf/eth0.100/rp_filter`. Source: sysctl.d(5).
 */
export function sysctlPath(key: string): string {
  const slashed = /^[^.]*\//.test(key) ? key : key.replaceAll(/[./]/g, (mark) => (mark === "." ? "/" : "."));
  return `/proc/sys/${slashed}`;
}

async function observe(system: System, desired: ReadonlyMap<string, string>): Promise<Actual> {
  const former = new Map<string, string>();
  const directory = hostPath(system, formerDirectory);
  for (const name of await namesIn(directory)) {
    if (!name.startsWith(".")) former.set(decodeURIComponent(name), await readFile(join(directory, name), "utf8"));
  }
  const parameters = new Map<string, Parameter>();
  for (const key of new Set([...desired.keys(), ...former.keys()])) parameters.set(key, await read(system, key));
  return { parameters, former };
}

async function read(system: System, key: string): Promise<Parameter> {
  try {
    return { kind: "value", value: (await readFile(hostPath(system, sysctlPath(key)), "utf8")).trim() };
  } catch (error) {
    const code = systemErrorCode(error) ?? "";
    // A directory of parameters is none, and none is a directory of others.
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(code)) return absent;
    if (["EACCES", "EPERM", "EIO"].includes(code)) return { kind: "unreadable" };
    throw error;
  }
}

async function apply(system: System, step: Step): Promise<void> {
  const { kind, key } = step;
  const former = join(hostPath(system, formerDirectory), encodeURIComponent(key));
  if (kind === "set" && !(await isPresent(former))) {
    const parameter = await read(system, key);
    if (parameter.kind === "value") await writeFileAtomic(former, parameter.value);
  }
  if (kind !== "forget") await write(system, key, step.value);
  if (kind !== "set") await removeIfPresent(former);
}

/** As the kernel answers whoever lacks a capability for a parameter; source: its kernel/ucount.c, security/yama. */
const isRefused = (error: unknown): boolean => ["EACCES", "EPERM"].includes(systemErrorCode(error) ?? "");

/** The unit may what few parameters take, so that this program need not. @throws {Failure<"sysctl-refused">} */
async function writeByUnit(system: System, key: string, value: string): Promise<void> {
  await writeFileAtomic(hostPath(system, unitParameter), `${key} = ${value}\n`);
  try {
    await actOnUnit(system, "start", "set-kernel-parameter.service");
  } catch (cause) {
    if (!(cause instanceof UnitFailure)) throw cause;
    throw new Failure("sysctl-refused", `cannot set ${key}: the kernel refuses ${JSON.stringify(value)}`, { cause });
  }
}

async function write(system: System, key: string, value: string): Promise<void> {
  try {
    // Not created when it is not there: what is missing in /proc/sys is no file.
    await writeFile(hostPath(system, sysctlPath(key)), value, { flag: constants.O_WRONLY | constants.O_TRUNC });
  } catch (error) {
    if (isRefused(error)) return await writeByUnit(system, key, value);
    const reason = isNotFound(error)
      ? "the kernel has no such parameter any more"
      : `the kernel refuses ${JSON.stringify(value)}`;
    throw new Failure("sysctl-refused", `cannot set ${key}: ${reason}`, { cause: error });
  }
}
