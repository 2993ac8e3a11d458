/** What several checks look at: kernel parameters, modules, files and the packet filter. */
import { readFile, stat } from "node:fs/promises";
import { isFailure } from "../../lib/failure.ts";
import { readTextIfPresent } from "../../lib/files/files.ts";
import { deniedModulesPath } from "../files/kernel-modules.ts";
import { hostPath, type System } from "../machine/system.ts";
import { failed, passed, withoutFaults, type Check, type CheckOutcome } from "./benchmark.ts";

type Look = NonNullable<Check["look"]>;

/** @param wanted by name, as sysctl(8) writes it: the values that will do */
export function sysctls(wanted: Readonly<Record<string, readonly string[]>>): Look {
  return async (system) => {
    const faults: string[] = [];
    for (const [name, values] of Object.entries(wanted)) {
      const value = (await readFile(hostPath(system, `/proc/sys/${name.replaceAll(".", "/")}`), "utf8")).trim();
      if (!values.includes(value)) faults.push(`${name} is ${value}, not ${values.join(" or ")}`);
    }
    return withoutFaults(faults);
  };
}

/** Passes when nobody loaded the module and `settings.kernel.modules` keeps everybody from it. */
export function deniedModule(name: string): Look {
  return async (system) => {
    const loaded = (await readFile(hostPath(system, "/proc/modules"), "utf8")).split("\n");
    if (loaded.some((line) => line.startsWith(`${name} `))) return failed(`${name} is loaded`);
    const denied = (await readTextIfPresent(hostPath(system, deniedModulesPath))) ?? "";
    return denied.split("\n").some((line) => line.startsWith(`install ${name} `))
      ? passed
      : failed(`${name} may be loaded: settings.kernel.modules.${name}.allowed is not false`);
  };
}

/** @param mostMode the permissions that it may have, for example 0o600 */
export function fileMode(path: string, mostMode: number): Look {
  return async (system) => {
    const mode = (await stat(hostPath(system, path))).mode & 0o777;
    return (mode & ~mostMode) === 0
      ? passed
      : failed(`${path} has the mode ${octal(mode)}, more than ${octal(mostMode)}`);
  };
}

export function ownedByRoot(path: string): Look {
  return async (system) => {
    const { uid, gid } = await stat(hostPath(system, path));
    return uid === 0 && gid === 0 ? passed : failed(`${path} belongs to ${uid}:${gid}, not to 0:0`);
  };
}

const octal = (mode: number): string => mode.toString(8).padStart(3, "0");

type FilterProgram = "iptables" | "ip6tables";

/** Every chain drops what no rule accepts. */
export function denyByDefault(program: FilterProgram): Look {
  return async (system) => {
    const rules = await rulesOf(system, program);
    if (rules === undefined) return failed(`the variant has no ${program}: every packet is accepted`);
    const open = ["INPUT", "FORWARD", "OUTPUT"].filter((chain) => !rules.includes(`-P ${chain} DROP`));
    return withoutFaults(open.map((chain) => `the policy of ${chain} is not DROP`));
  };
}

/** Packets of loopback are accepted there, and dropped anywhere else. */
export function loopbackRules(program: FilterProgram, network: string): Look {
  return async (system) => {
    const rules = await rulesOf(system, program);
    if (rules === undefined) return failed(`the variant has no ${program}: every packet is accepted`);
    const [accepted, dropped] = ["-A INPUT -i lo -j ACCEPT", `-A INPUT -s ${network} -j DROP`];
    const faults = [accepted, dropped, "-A OUTPUT -o lo -j ACCEPT"]
      .filter((rule) => !rules.includes(rule))
      .map((rule) => `there is no rule "${rule}"`);
    if (faults.length === 0 && rules.indexOf(accepted) > rules.indexOf(dropped)) {
      faults.push(`"${dropped}" stands before "${accepted}"`);
    }
    return withoutFaults(faults);
  };
}

/** As iptables-save(8) writes them; undefined where the program is no part of the image. */
async function rulesOf(system: System, program: FilterProgram): Promise<string[] | undefined> {
  try {
    return (await system.run([program, "--wait", "--list-rules"], { limitMs: 10_000 })).split("\n");
  } catch (error) {
    if (isFailure(error, "no-such-program")) return undefined;
    throw error;
  }
}

/** The text of a file that some line of must begin so. */
export async function lineBeginning(
  system: System,
  path: string,
  beginnings: readonly string[],
): Promise<CheckOutcome> {
  const lines = (await readFile(hostPath(system, path), "utf8")).split("\n");
  return lines.some((line) => beginnings.some((beginning) => line.startsWith(beginning)))
    ? passed
    : failed(`${path} has no line that begins with ${beginnings.join(" or ")}`);
}
