/**
 * Kernel parameters from `settings.kernel.sysctl` and `settings.network.disable-ipv6`. Bottlerocket calls this corndog.
 *
 * What a parameter was before it was first set is kept in `/run/orlop/sysctl`, so that a setting that is deleted
 * returns to that value and not only at the next boot.
 */
import { constants, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, isNotFound, systemErrorCode } from "../../lib/failure.ts";
import { namesIn, readTextIfPresent, removeIfPresent, writeFileAtomic } from "../../lib/files.ts";
import { hostPath, type System } from "../system.ts";
import { reconciler } from "./reconciler.ts";

const formerDirectory = "/run/orlop/sysctl";

type Actual = {
  /** By key; undefined when the kernel has no such parameter, or does not let it be read. */
  values: ReadonlyMap<string, string | undefined>;
  former: ReadonlyMap<string, string>;
};
type Step =
  | { kind: "set"; key: string; value: string; former: string | undefined }
  | { kind: "return"; key: string; value: string };

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
  describe: ({ kind, key, value }) => ({ says: `${kind} ${key} to ${value}` }),
  apply,
  afterFailure: "continue",
});

export function planSysctl(desired: ReadonlyMap<string, string>, { values, former }: Actual): Step[] {
  const steps: Step[] = [];
  for (const [key, value] of desired) {
    const actual = values.get(key);
    if (actual !== undefined && means(value) === means(actual)) continue;
    steps.push({ kind: "set", key, value, former: former.has(key) ? undefined : actual });
  }
  for (const [key, value] of former) if (!desired.has(key)) steps.push({ kind: "return", key, value });
  return steps;
}

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
  const values = new Map<string, string | undefined>();
  for (const key of desired.keys()) values.set(key, await read(hostPath(system, sysctlPath(key))));
  const former = new Map<string, string>();
  const directory = hostPath(system, formerDirectory);
  for (const name of await namesIn(directory)) {
    if (!name.startsWith(".")) former.set(decodeURIComponent(name), await readFile(join(directory, name), "utf8"));
  }
  return { values, former };
}

/** A parameter that only takes values cannot be read; it is written at every pass. */
async function read(path: string): Promise<string | undefined> {
  try {
    return (await readTextIfPresent(path))?.trim();
  } catch (error) {
    if (["EACCES", "EPERM", "EIO", "ENOTDIR", "EISDIR"].includes(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}

async function apply(system: System, step: Step): Promise<void> {
  const { key, value } = step;
  const former = join(hostPath(system, formerDirectory), encodeURIComponent(key));
  if (step.kind === "set" && step.former !== undefined) await writeFileAtomic(former, step.former);
  try {
    // Not created when it is not there: what is missing in /proc/sys is no file.
    await writeFile(hostPath(system, sysctlPath(key)), value, { flag: constants.O_WRONLY | constants.O_TRUNC });
  } catch (error) {
    const reason = isNotFound(error)
      ? "the kernel has no such parameter"
      : `the kernel refuses ${JSON.stringify(value)}`;
    throw new Failure("sysctl-refused", `cannot set ${key}: ${reason}`, { cause: error });
  }
  if (step.kind === "return") await removeIfPresent(former);
}
