/**
 * The root role: which keys may sign what. TUF specification §4.3 (root.json) and §6.1 (key rotation).
 *
 * Everything here is a pure change of `RootContent`; `signedRoot` makes the metadata, which counts only when it carries
 * enough signatures of the old keys and of the new ones.
 */
import { Metadata, Root, type Key } from "@tufjs/models";
import { Failure } from "../../lib/failure.ts";
import { signMetadata, type Signer } from "./signer.ts";

export const roleNames = ["root", "targets", "snapshot", "timestamp"] as const;
export type RoleName = (typeof roleNames)[number];

/**
 * The TUF specification our metadata says it follows: the first of the 1.0 line, whose format did not change since (§2 of
 * 1.0.33). tough, of which tuftool and Bottlerocket's tools are made, takes no other when it edits a repository.
 */
export const specVersion = "1.0.0";

export type RootContent = {
  version: number;
  /** UTC to the second, as TUF writes times. */
  expires: string;
  roles: Record<RoleName, { keys: readonly Key[]; threshold: number }>;
};

/** The root role of a new repository: one set of keys for root, another one for everything that is signed often. */
export function firstRoot(options: {
  rootKeys: readonly Key[];
  rootThreshold: number;
  publicationKeys: readonly Key[];
  publicationThreshold: number;
  expires: string;
}): RootContent {
  const publication = { keys: options.publicationKeys, threshold: options.publicationThreshold };
  return {
    version: 1,
    expires: options.expires,
    roles: {
      root: { keys: options.rootKeys, threshold: options.rootThreshold },
      targets: publication,
      snapshot: publication,
      timestamp: publication,
    },
  };
}

export function contentOf(root: Root): RootContent {
  const role = (name: RoleName): RootContent["roles"][RoleName] => ({
    keys: (root.roles[name]?.keyIDs ?? []).flatMap((id) => root.keys[id] ?? []),
    threshold: root.roles[name]?.threshold ?? 1,
  });
  return {
    version: root.version,
    expires: root.expires,
    roles: { root: role("root"), targets: role("targets"), snapshot: role("snapshot"), timestamp: role("timestamp") },
  };
}

/** @throws {Failure<"key-in-role">} */
export function withKey(content: RootContent, roles: readonly RoleName[], key: Key): RootContent {
  return mapRoles(content, roles, (name, role) => {
    if (role.keys.some((each) => each.keyID === key.keyID)) {
      throw new Failure("key-in-role", `cannot add key ${key.keyID} to the role ${name}: it is there already`);
    }
    return { ...role, keys: [...role.keys, key] };
  });
}

/** @throws {Failure<"key-not-in-role">} */
export function withoutKey(content: RootContent, roles: readonly RoleName[], keyId: string): RootContent {
  return mapRoles(content, roles, (name, role) => {
    if (!role.keys.some((each) => each.keyID === keyId)) {
      throw new Failure("key-not-in-role", `cannot remove key ${keyId} from the role ${name}: it is not there`, {
        hint: `its keys: ${role.keys.map((each) => each.keyID).join(", ")}`,
      });
    }
    return { ...role, keys: role.keys.filter((each) => each.keyID !== keyId) };
  });
}

export function withThreshold(content: RootContent, roles: readonly RoleName[], threshold: number): RootContent {
  return mapRoles(content, roles, (_, role) => ({ ...role, threshold }));
}

/**
 * The signed root for `content`.
 *
 * @param previous the root it follows; undefined for the first one
 * @throws {Failure<"too-few-keys" | "too-few-signatures">}
 */
export async function signedRoot(
  content: RootContent,
  signers: readonly Signer[],
  previous?: Metadata<Root>,
): Promise<Metadata<Root>> {
  for (const name of roleNames) {
    const { keys, threshold } = content.roles[name];
    if (!Number.isInteger(threshold) || threshold < 1 || keys.length < threshold) {
      throw new Failure(
        "too-few-keys",
        `cannot sign root version ${content.version}: the role ${name} has ${keys.length} keys and a threshold of ${threshold}`,
      );
    }
  }
  const metadata = new Metadata(rootOf(content));
  const concerned = new Set(
    [...content.roles.root.keys, ...(previous === undefined ? [] : contentOf(previous.signed).roles.root.keys)].map(
      (key) => key.keyID,
    ),
  );
  await signMetadata(
    metadata,
    signers.filter((signer) => concerned.has(signer.key.keyID)),
  );
  for (const judge of previous === undefined ? [metadata] : [previous, metadata]) {
    try {
      judge.verifyDelegate("root", metadata);
    } catch (cause) {
      const { keys, threshold } = contentOf(judge.signed).roles.root;
      throw new Failure(
        "too-few-signatures",
        `cannot sign root version ${content.version}: root version ${judge.signed.version} asks for ${threshold} of its ${keys.length} root keys`,
        { hint: "give a --root-key for each; a rotation needs the old keys and the new ones", cause },
      );
    }
  }
  return metadata;
}

function rootOf({ version, expires, roles }: RootContent): Root {
  return Root.fromJSON({
    _type: "root",
    spec_version: specVersion,
    consistent_snapshot: true,
    version,
    expires,
    keys: Object.fromEntries(roleNames.flatMap((name) => roles[name].keys.map((key) => [key.keyID, key.toJSON()]))),
    roles: Object.fromEntries(
      roleNames.map((name) => [
        name,
        { keyids: roles[name].keys.map((key) => key.keyID), threshold: roles[name].threshold },
      ]),
    ),
  });
}

function mapRoles(
  content: RootContent,
  names: readonly RoleName[],
  change: (name: RoleName, role: RootContent["roles"][RoleName]) => RootContent["roles"][RoleName],
): RootContent {
  const roles = { ...content.roles };
  for (const name of names) roles[name] = change(name, roles[name]);
  return { ...content, roles };
}
