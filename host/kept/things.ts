/**
 * Everything that this host keeps on its private partition, which both partition sets share: what it is, where it lies,
 * and what is so when it was damaged. Nothing else in `host/` names these paths.
 */
import { dirname } from "node:path";
import { z } from "zod";
import { anyJson, change } from "../../api/answers.ts";
import { isNotFound, systemErrorCode } from "../../lib/failure.ts";
import { identityIn, pemOf, type Identity } from "../apiserver/server/identity.ts";
import { keptDeadline } from "./kept-deadline.ts";
import { settingsForm } from "../migrations/form.ts";
import { failedVersion, memory } from "../update/memory.ts";
import { lockdownLevels } from "../machine/security-mode.ts";
import { hostPath, type System } from "../machine/system.ts";
import { json, kept as keptFile, text, type Kept, type Notation } from "./kept.ts";
import type { KeptPlace } from "./set-aside.ts";

const directory = "/var/lib/orlop";
const at = (name: string, whenLost: string): KeptPlace => ({ path: `${directory}/${name}`, whenLost });

/** Logs with a format of their own: `host/datastore/`. */
export const logs = {
  settings: at("datastore", "the settings are those that user data gives"),
  audit: at(
    "audit",
    "who ran which program in a host container, and what a fleet ordered, is no longer known up to here",
  ),
};

/** Put there by whoever made the disk, and only read. */
export const placed = {
  network: `${directory}/net.toml`,
  userData: `${directory}/user-data.toml`,
};

/** The same partition, where it is before /var (os/units/run-private.mount). */
const early = "/run/private";

/**
 * The data partition on a disk of its own is the one whose PARTUUID is the name of a file in here: udev can ask whether a
 * file is there (os/udev/90-orlop.rules), and not what is in it.
 */
export const dataPartitions: KeptPlace = {
  path: `${early}/data-partition`,
  whenLost: "data is looked for on the disk of the system alone",
};

/** On a sealed host; read by units before the daemon. */
export const sealing = {
  /** Opens the data partition. */
  dataKey: `${early}/data-key`,
  /** The recovery key, until the data partition has it too. */
  sealData: `${early}/seal-data`,
};

const trial = z.object({
  version: z.int(),
  revertsTo: z.int(),
  ...keptDeadline.shape,
  changes: z.array(change),
});
export type KeptTrial = z.infer<typeof trial>;

const tufTimes = z.object({
  /** The latest time at which metadata was accepted. Metadata expires, so a wrong clock spoils it for days only. */
  latestTime: z.iso.datetime(),
  /** SHA-256 of every root role that images brought. */
  origins: z.array(z.string()),
});

const updateTerms = z.object({
  /** The version that is to be judged. */
  version: z.string(),
  /** `settings.updates.health`, in the form of the version that wrote it. */
  health: anyJson,
  /** How ailments of that moment are known. */
  before: z.array(z.string()),
});

export const kept = {
  trial: keptFile(at("trial.json", "settings that were on trial stay as they are"), json(trial)),
  userDataRead: keptFile(at("user-data.read", "user data is read once more"), text),
  rebootedFor: keptFile(at("rebooted-for", "the machine may reboot once more for its boot parameters"), text),
  /** Read by lockdown.service, before the daemon. */
  lockdown: keptFile(at("lockdown", "the next boot begins with the kernel lockdown of the image"), {
    read: (content) => z.enum(lockdownLevels).parse(content),
    write: (level) => level,
  }),
  /** 32 bytes, without which nobody can try what a digest of settings stands for. */
  attestationSalt: keptFile(
    at("attestation-salt", "the digests by which this host attests its settings are others than before"),
    { read: (content) => z.hash("sha256").parse(content), write: (salt) => salt },
  ),
  /** Encrypted for those whom user data names, until one of them has it. */
  recoveryKey: keptFile(at("recovery-key.age", "nothing but the TPM opens the partitions of this host"), {
    read: (content) => z.string().startsWith("-----BEGIN AGE ENCRYPTED FILE-----\n").parse(content),
    write: (content) => content,
  }),
  settingsForm: keptFile(
    at("settings-form.json", "the form is that of the version that changed settings last, with no way back from it"),
    json(settingsForm),
  ),
  updates: keptFile(
    at("updates.json", "no update is chosen, and versions that failed here may be tried again"),
    json(memory),
  ),
  updateFailure: keptFile(at("update-failure.json", "why the last update failed is not known"), json(failedVersion)),
  updateTerms: keptFile(
    at("update-terms.json", "an update on trial is judged by the settings of now, and everything is to hold"),
    json(updateTerms),
  ),
  identity: keptFile<Identity>(
    at("api/identity.pem", "the remote API has a new certificate, with another fingerprint"),
    {
      read: identityIn,
      write: pemOf,
    },
  ),
  tufRoot: metadata("root", "updates are trusted by the root role in the image"),
  tufTimestamp: metadata("timestamp", "an older state of the update repository is not noticed once"),
  tufSnapshot: metadata("snapshot", "an older state of the update repository is not noticed once"),
  tufTargets: metadata("targets", "an older state of the update repository is not noticed once"),
  tufTimes: keptFile(
    at("tuf/known.json", "a clock that went back is not noticed until updates are looked for"),
    json(tufTimes),
  ),
};

const { updateFailure, ...ofDaemon } = kept;
type LookedOver = Pick<Kept<unknown>, "path" | "whenLost" | "read" | "tidy">;

/** What the daemon alone writes; `updateFailure` is written by the program that gives a version up. */
const keptByDaemon: readonly LookedOver[] = Object.values(ofDaemon);
/**
 * Before the daemon uses any of it: what an interrupted write has left goes, and what is damaged is set aside. What a
 * process that was killed has done to names is seen, and made durable here.
 */
export async function lookOver(system: System): Promise<void> {
  for (const parent of new Set(keptByDaemon.map(({ path }) => dirname(path)))) {
    try {
      await system.storage.syncDirectory(hostPath(system, parent));
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      if (!isNotFound(error)) system.log.error(`kept: cannot make durable which files there are in ${parent}`, error);
    }
  }
  for (const file of keptByDaemon) {
    await file.tidy(system);
    await file.read(system);
  }
}

export const keptPlaces: readonly KeptPlace[] = [
  ...keptByDaemon,
  updateFailure,
  ...Object.values(logs),
  dataPartitions,
];

/** The metadata of a TUF role, byte for byte as it was signed. Whether to trust it is not judged here. */
function metadata(role: "root" | "timestamp" | "snapshot" | "targets", whenLost: string): Kept<string> {
  const shape = json(z.object({ signed: z.object({ _type: z.literal(role) }), signatures: z.array(z.unknown()) }));
  const asSigned: Notation<string> = {
    read(content) {
      shape.read(content);
      return content;
    },
    write: (content) => content,
  };
  return keptFile(at(`tuf/${role}.json`, whenLost), asSigned);
}
