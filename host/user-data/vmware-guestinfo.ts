/**
 * User data from the variables `guestinfo.userdata` and `guestinfo.userdata.encoding` of a VMware guest, or from the
 * properties of these names in its OVF environment, which vSphere gives to who deployed an OVF as `guestinfo.ovfEnv`.
 *
 * They are read through `vmware-rpctool` of open-vm-tools, since the hypervisor's port needs instructions that only a
 * native program has. Encodings are those that Bottlerocket takes. Without one the variable is taken as it is.
 */
import { succeeded } from "../../lib/program/process.ts";
import type { System } from "../machine/system.ts";
import { decode, guestinfoVariable as variable } from "./guestinfo-encoding.ts";
import type { UserData } from "./source.ts";

const environment = "guestinfo.ovfEnv";
const from = `VMware ${variable}`;
/** The words of open-vm-tools; its exit code is 1 for everything. */
const notSet = "No value found";

export async function readVmwareGuestinfo(system: System): Promise<UserData[]> {
  const value = await read(system, variable);
  if (value === undefined) return await readEnvironment(system);
  const encoding = await read(system, `${variable}.encoding`);
  if (encoding === undefined)
    system.log.info(`user-data: ${variable}.encoding is not set, taking ${variable} as it is`);
  return [{ from, document: decode(value, encoding?.trim() ?? "Raw") }];
}

async function readEnvironment(system: System): Promise<UserData[]> {
  const xml = await read(system, environment);
  if (xml === undefined) return [];
  const { userDataOfOvf } = await import("./ovf-environment.ts");
  const document = userDataOfOvf(xml);
  return document === undefined ? [] : [{ from: `VMware ${environment}`, document }];
}

/** The value of a variable; undefined when it is not set or empty. */
async function read(system: System, name: string): Promise<string | undefined> {
  const argv = ["vmware-rpctool", `info-get ${name}`] as const;
  const answer = await system.ask(argv);
  if (answer.exitCode !== 0 && `${answer.stdout}${answer.stderr}`.includes(notSet)) return undefined;
  const value = succeeded(argv, answer).stdout;
  return value.trim() === "" ? undefined : value.replace(/\n$/, "");
}
