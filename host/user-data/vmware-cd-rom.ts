/**
 * User data from a CD-ROM that vSphere gave to the machine: a file `user-data`, or an OVF environment.
 *
 * More than one of the files is an error, since nobody could say which one is meant.
 */
import { readdir } from "node:fs/promises";
import { Failure } from "../../lib/failure.ts";
import { isPresent } from "../../lib/files/files.ts";
import { hostPath, type System } from "../machine/system.ts";
import { readDocument } from "./local-file.ts";
import type { UserData } from "./source.ts";

const device = "/dev/cdrom";
const settleSeconds = 10;
const mountUnit = "run-cdrom.mount";
const directory = "/run/cdrom";
const plainName = "user-data";
const ovfNames = ["ovf-env.xml", "OVF-ENV.XML", "ovf_env.xml", "OVF_ENV.XML"];

export async function readVmwareCdRom(system: System): Promise<UserData[]> {
  if (!(await mounted(system))) return [];
  const present = new Set(await readdir(hostPath(system, directory)));
  const [name, ...rest] = [plainName, ...ovfNames].filter((candidate) => present.has(candidate));
  if (name === undefined) return [];
  if (rest.length > 0) {
    const names = [name, ...rest].join(", ");
    throw new Failure(
      "ambiguous-user-data",
      `cannot choose user data on the CD-ROM: it has ${names}, expected only one`,
    );
  }
  const content = await readDocument(system, `${directory}/${name}`);
  if (content === undefined) return [];
  if (name === plainName) return [{ from: `CD-ROM file ${name}`, document: content }];
  const { userDataOfOvf } = await import("./ovf-environment.ts");
  const document = userDataOfOvf(new TextDecoder("utf-8", { fatal: true }).decode(content));
  return document === undefined ? [] : [{ from: `CD-ROM file ${name}`, document }];
}

/** Mounts the CD-ROM; false when there is no drive, or nothing to read in it. */
async function mounted(system: System): Promise<boolean> {
  await system.run(["udevadm", "settle", `--timeout=${settleSeconds}`]); // the drive may still be on its way
  if (!(await isPresent(hostPath(system, device)))) return false;
  const properties = (await system.run(["udevadm", "info", "--query=property", `--name=${device}`])).split("\n");
  if (!properties.some((property) => property.startsWith("ID_FS_TYPE="))) return false;
  await system.run(["systemctl", "start", mountUnit]);
  return true;
}
