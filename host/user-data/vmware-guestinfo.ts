/**
 * User data from the variables `guestinfo.userdata` and `guestinfo.userdata.encoding` of a VMware guest.
 *
 * They are read through `vmware-rpctool` of open-vm-tools, since the hypervisor's port needs instructions that only a
 * native program has. Encodings are those that Bottlerocket takes. Without one the variable is taken as it is.
 */
import { Failure } from "../../lib/failure.ts";
import { succeeded } from "../../lib/program/process.ts";
import type { System } from "../machine/system.ts";
import type { UserData } from "./source.ts";

const variable = "guestinfo.userdata";
const from = `VMware ${variable}`;
/** The words of open-vm-tools; its exit code is 1 for everything. */
const notSet = "No value found";

export async function readVmwareGuestinfo(system: System): Promise<UserData[]> {
  const value = await read(system, variable);
  if (value === undefined) return [];
  const encoding = await read(system, `${variable}.encoding`);
  if (encoding === undefined)
    system.log.info(`user-data: ${variable}.encoding is not set, taking ${variable} as it is`);
  return [{ from, document: decode(value, encoding?.trim() ?? "Raw") }];
}

/** @throws {Failure<"bad-guestinfo">} */
export function decode(value: string, encoding: string): Uint8Array {
  switch (encoding) {
    case "Raw":
      return Buffer.from(value);
    case "base64":
    case "b64":
    case "B64":
      return base64(value);
    case "gzip+base64":
    case "gz+b64": {
      const bytes = base64(value);
      if (bytes[0] === 0x1f && bytes[1] === 0x8b) return bytes; // who reads the document unpacks it
      throw new Failure("bad-guestinfo", `cannot read ${variable}: its encoding is ${encoding}, but it is not gzip`);
    }
    default: {
      const known = "base64, b64, B64, gzip+base64, gz+b64 or Raw";
      throw new Failure("bad-guestinfo", `cannot read ${variable}: its encoding is "${encoding}", expected ${known}`);
    }
  }
}

function base64(value: string): Uint8Array {
  const text = value.replaceAll(/\s/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw new Failure("bad-guestinfo", `cannot read ${variable}: its encoding is base64, but its value is not`);
  }
  return Buffer.from(text, "base64");
}

/** The value of a variable; undefined when it is not set or empty. */
async function read(system: System, name: string): Promise<string | undefined> {
  const argv = ["vmware-rpctool", `info-get ${name}`] as const;
  const answer = await system.ask(argv);
  if (answer.exitCode !== 0 && `${answer.stdout}${answer.stderr}`.includes(notSet)) return undefined;
  const value = succeeded(argv, answer).stdout;
  return value.trim() === "" ? undefined : value.replace(/\n$/, "");
}
