/**
 * Who may log in to the machines of a node group.
 *
 * eksctl hands the key to EC2, and ssh switched on brings the admin container. Here the key is in the admin
 * container's user data, so that it works wherever the machine runs.
 */
import type { NodeGroup } from "./cluster-config.ts";

type Ssh = NonNullable<NodeGroup["ssh"]>;

/** As eksctl does it, a key alone means that logging in is wanted. */
export function letsLogIn(ssh: NodeGroup["ssh"]): boolean {
  if (ssh === undefined) return false;
  return ssh.allow ?? keysOf(ssh).length > 0;
}

export type WantedKey =
  | { kind: "key"; key: "publicKey"; text: string }
  | { kind: "file"; key: "publicKeyPath"; path: string }
  /** Of a key pair that only EC2 knows. */
  | { kind: "name"; key: "publicKeyName"; name: string };

const defaultPath = "~/.ssh/id_rsa.pub";

/** More than one is what eksctl refuses. */
export function wantedKeys(ssh: Ssh): WantedKey[] {
  const keys = keysOf(ssh);
  return keys.length > 0 ? keys : [{ kind: "file", key: "publicKeyPath", path: defaultPath }];
}

function keysOf({ publicKey, publicKeyPath, publicKeyName }: Ssh): WantedKey[] {
  return [
    ...(isThere(publicKey) ? [{ kind: "key", key: "publicKey", text: publicKey } as const] : []),
    ...(isThere(publicKeyPath) ? [{ kind: "file", key: "publicKeyPath", path: publicKeyPath } as const] : []),
    ...(isThere(publicKeyName) ? [{ kind: "name", key: "publicKeyName", name: publicKeyName } as const] : []),
  ];
}

function isThere(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== "";
}

/** The user data of an admin container that lets a key in. */
export function adminUserData(publicKey: string): string {
  return Buffer.from(JSON.stringify({ ssh: { "authorized-keys": [publicKey.trim()] } })).toString("base64");
}
