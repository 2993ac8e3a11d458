/**
 * `admin-setup`: what the admin container does before sshd starts in its place.
 *
 * The host's keys are kept in the container's persistent directory, so that who comes back meets the same ones.
 */
import { chown, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { explain } from "../../lib/failure.ts";
import { isPresent, readTextIfPresent, writeFileAtomic } from "../../lib/files/files.ts";
import { run } from "../../lib/program/process.ts";
import { adminFiles, homeOf, hostKeyDirectory, hostKeyTypes } from "./admin-files.ts";
import { letsAnybodyIn, readAdminUserData } from "./admin-user-data.ts";

const userDataPath = "/.bottlerocket/host-containers/current/user-data";

/** @param root directory that stands for `/` of the container */
export async function setUpAdmin(root: string, say: (line: string) => void): Promise<void> {
  const at = (path: string): string => join(root, path);
  const { data, unknown } = readAdminUserData((await readTextIfPresent(at(userDataPath))) ?? "");
  for (const key of unknown) say(`the user data has ${key}, which means nothing here`);
  if (!letsAnybodyIn(data)) say("the user data has no key, certificate or password: nobody can log in over ssh");

  const read = async (path: string): Promise<string> => await readFile(at(path), "utf8");
  const accounts = {
    passwd: await read("/etc/passwd"),
    group: await read("/etc/group"),
    shadow: await read("/etc/shadow"),
  };
  for (const { path, mode, content } of adminFiles(data, accounts)) await writeFileAtomic(at(path), content, mode);

  const home = homeOf(data.user);
  await mkdir(at(home.path), { recursive: true, mode: 0o700 });
  await chown(at(home.path), home.uid, home.gid);
  await mkdir(at("/run/sshd"), { recursive: true, mode: 0o755 });
  await mkdir(at(hostKeyDirectory), { recursive: true, mode: 0o700 });
  for (const type of hostKeyTypes) {
    const key = at(`${hostKeyDirectory}/ssh_host_${type}_key`);
    if (await isPresent(key)) continue;
    await run(["ssh-keygen", "-q", "-t", type, "-N", "", "-C", "", "-f", key]);
    say(`made a ${type} key for this host`);
  }
}

export async function main(): Promise<never> {
  const say = (line: string): void => void process.stderr.write(`admin-setup: ${line}\n`);
  try {
    await setUpAdmin("/", say);
    process.exit(0);
  } catch (error) {
    say(explain(error));
    process.exit(1);
  }
}
