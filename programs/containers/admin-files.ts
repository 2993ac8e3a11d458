/** The files of the admin container that say who its user is and how sshd lets that one in: pure, from user data. */
import { Failure } from "../../lib/failure.ts";
import type { AdminUserData } from "./admin-user-data.ts";

export type AdminFile = { path: string; mode: number; content: string };

/** Accounts of the image, as its files have them. */
export type Accounts = { passwd: string; group: string; shadow: string };

const userId = 1000;
/** Who may talk to the API: os/sysusers/00-orlop.conf. */
const apiGroup = "api";

const paths = {
  keys: "/etc/ssh/authorized_keys",
  authorities: "/etc/ssh/trusted_user_ca_keys",
} as const;

/** Where the keys of this host's sshd outlive the container: in its persistent directory. */
export const hostKeyDirectory = "/.bottlerocket/host-containers/current/etc/ssh";
export const hostKeyTypes = ["ed25519", "ecdsa", "rsa"] as const;

/** @throws {Failure<"bad-user-data">} for a user whose name the image has for something else */
export function adminFiles(data: AdminUserData, accounts: Accounts): AdminFile[] {
  const { user, ssh, "password-hash": hash } = data;
  assertFree(user, accounts);
  return [
    { path: "/etc/passwd", mode: 0o644, content: passwdWith(accounts.passwd, user) },
    { path: "/etc/group", mode: 0o644, content: groupWith(accounts.group, user) },
    // A star is no lock: keys are good, a password never is.
    { path: "/etc/shadow", mode: 0o600, content: withLine(accounts.shadow, `${user}:${hash ?? "*"}:::::::`) },
    // sudo takes part in nothing whose file others can write to, so the modes matter.
    { path: "/etc/sudoers.d/admin", mode: 0o440, content: `${user} ALL=(ALL:ALL) NOPASSWD: ALL\n` },
    { path: paths.keys, mode: 0o644, content: lines(ssh["authorized-keys"]) },
    { path: paths.authorities, mode: 0o644, content: lines(ssh["trusted-user-ca-keys"]) },
    { path: "/etc/ssh/sshd_config", mode: 0o600, content: sshdConfig(data) },
  ];
}

/** See sshd_config(5). What is not said here is as sshd has it. */
function sshdConfig({ user, ssh, "password-hash": hash }: AdminUserData): string {
  const command = ssh["authorized-keys-command"];
  const lists = [
    ["Ciphers", ssh.ciphers],
    ["KexAlgorithms", ssh["key-exchange-algorithms"]],
    ["MACs", ssh.macs],
  ] as const;
  return lines([
    "# Written from the container's user data at its start.",
    ...hostKeyTypes.map((type) => `HostKey ${hostKeyDirectory}/ssh_host_${type}_key`),
    `AllowUsers ${user}`,
    "PermitRootLogin no",
    "UsePAM no",
    `PasswordAuthentication ${hash === undefined ? "no" : "yes"}`,
    "KbdInteractiveAuthentication no",
    `AuthorizedKeysFile ${paths.keys}`,
    ...(ssh["trusted-user-ca-keys"].length === 0 ? [] : [`TrustedUserCAKeys ${paths.authorities}`]),
    ...(command === undefined
      ? []
      : [
          `AuthorizedKeysCommand ${command}`,
          `AuthorizedKeysCommandUser ${ssh["authorized-keys-command-user"] ?? "nobody"}`,
        ]),
    ...lists.flatMap(([name, values]) => (values === undefined ? [] : [`${name} ${values.join(",")}`])),
    "Subsystem sftp internal-sftp",
  ]);
}

function passwdWith(passwd: string, user: string): string {
  return withLine(passwd, `${user}:x:${userId}:${userId}::/home/${user}:/bin/bash`);
}

function groupWith(group: string, user: string): string {
  const member = group
    .split("\n")
    .map((text) => (text.startsWith(`${apiGroup}:`) ? `${text.split(":").slice(0, 3).join(":")}:${user}` : text))
    .join("\n");
  return withLine(member, `${user}:x:${userId}:`);
}

/** Its lines would otherwise give way to the user's: without the group of the API, nobody in the container may use it. */
function assertFree(user: string, { passwd, group }: Accounts): void {
  for (const [database, kind] of [
    [passwd, "an account"],
    [group, "a group"],
  ] as const) {
    const entry = database.split("\n").find((text) => text.startsWith(`${user}:`));
    if (entry === undefined || entry.split(":")[2] === String(userId)) continue;
    throw new Failure("bad-user-data", `cannot make the user ${user}: the container has ${kind} of that name`, {
      hint: 'choose another "user" in the user data of the admin container',
    });
  }
}

/** The database with this line, and without those of the user of an earlier start: by name, and by number. */
function withLine(database: string, added: string): string {
  const [name] = added.split(":");
  const rest = database.split("\n").filter((text) => {
    const [entryName, , number] = text.split(":");
    return text !== "" && entryName !== name && number !== String(userId);
  });
  return lines([...rest, added]);
}

const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join("");

export const homeOf = (user: string): { path: string; uid: number; gid: number } => ({
  path: `/home/${user}`,
  uid: userId,
  gid: userId,
});
