/** The answer of GET /status: what the host is, how far it came, and what is failing. */
import { z } from "zod";
import { applyFailure, os, problem, trial, warnings } from "./answers.ts";

const updateCommand = z.enum(["refresh", "prepare", "activate", "deactivate"]);

export const bootStep = z.object({
  step: z.string(),
  state: z.enum(["waiting", "running", "done", "failed", "skipped"]),
  failure: applyFailure.exactOptional(),
});

/** What prepares the machine between preconfigured.target and configured.target. */
export const bootstrapEntry = z.object({
  kind: z.enum(["commands", "container"]),
  name: z.string(),
  mode: z.enum(["once", "always"]),
  essential: z.boolean(),
  state: z.enum(["waiting", "running", "done", "failed", "skipped"]),
  /** Also of what is done, when its mode could not be set to off. */
  failure: applyFailure.exactOptional(),
});
export type BootstrapEntry = z.infer<typeof bootstrapEntry>;

export const reconcilerState = z.object({
  name: z.string(),
  state: z.enum(["waiting", "converged", "failing"]),
  /** The version of the settings that its last pass used. */
  version: z.number().int().exactOptional(),
  /** Passes that failed in a row. */
  failures: z.number().int().exactOptional(),
  failure: applyFailure.exactOptional(),
  warnings: warnings.exactOptional(),
});

/** How far an update is, from the first command to the version that proved healthy or the one that the host went back from. */
export const lastUpdate = z.discriminatedUnion("stage", [
  z.object({ stage: z.literal("working"), command: updateCommand }),
  z.object({ stage: z.literal("ready"), version: z.string() }),
  z.object({
    stage: z.literal("on-trial"),
    version: z.string(),
    /** Sentences about what keeps it from having proved healthy. */
    missing: z.array(z.string()),
    /** Until the host goes back, unless nothing is missing then. Absent while nobody has judged yet. */
    secondsLeft: z.number().int().nonnegative().exactOptional(),
  }),
  z.object({
    stage: z.literal("went-back"),
    version: z.string(),
    at: z.iso.datetime().exactOptional(),
    /** Absent when it could not be found out. */
    reason: z.string().exactOptional(),
  }),
  z.object({ stage: z.literal("unknown"), reason: z.string() }),
]);
export type LastUpdate = z.infer<typeof lastUpdate>;

/** How the partitions are encrypted that this host writes to. */
export const storage = z.discriminatedUnion("encryption", [
  z.object({ encryption: z.literal("none") }),
  z.object({
    encryption: z.literal("tpm2"),
    /** What the TPM measures into these is as it was, or as the signer of the image says, or it opens nothing. */
    registers: z.array(z.int()),
    /** Whether the recovery key waits for somebody to take it. */
    recoveryKey: z.enum(["waiting", "handed-out"]),
  }),
]);
export type StorageBody = z.infer<typeof storage>;

export const status = z.object({
  os: os.extend({ platform: z.string() }),
  hostname: z.string(),
  /** `/proc/sys/kernel/random/boot_id`: another one after each boot. */
  bootId: z.string().exactOptional(),
  uptimeSeconds: z.number(),
  /** "booting" until the machine is configured; "degraded" when something below is failing. */
  state: z.enum(["booting", "running", "degraded"]),
  boot: z.array(bootStep),
  /** Bootstrap commands and containers of this boot. */
  bootstrap: z.array(bootstrapEntry).exactOptional(),
  /** Why the boot goes no further, so that nothing of the orchestrator starts. */
  halted: z.string().exactOptional(),
  userData: z.object({ problems: z.array(problem) }),
  settings: z.object({
    version: z.number().int(),
    /** Transactions that hold uncommitted changes. */
    pending: z.array(z.string()),
    lastGoodBoot: z.object({ version: z.number().int(), at: z.iso.datetime() }).exactOptional(),
    /** Nobody changes them until the next boot. */
    lockedDown: z.literal(true).exactOptional(),
    /** Sentences about what was repaired when the datastore was opened. */
    repairs: z.array(z.string()),
  }),
  reconcilers: z.array(reconcilerState),
  /** Those that settings enable; GET /host-containers tells more. */
  hostContainers: z
    .array(
      z.object({
        name: z.string(),
        /** Of its unit, as systemd calls it: "active (running)"; "no image" when it has none. */
        state: z.string(),
        restarts: z.number().int(),
        /** It failed, is started again and again, or cannot be started. */
        failing: z.boolean(),
        /** Why it cannot be started. */
        reason: z.string().exactOptional(),
      }),
    )
    .exactOptional(),
  /** Those that settings choose, and those that are in /usr until the next boot. */
  extensions: z
    .array(
      z.object({
        name: z.string(),
        /** In /usr; about to be, by this boot; from the next boot on; being fetched; not to be used; in /usr until the next boot. */
        state: z.enum(["active", "merging", "waiting", "fetching", "refused", "leaving"]),
        /** Why it is refused. */
        reason: z.string().exactOptional(),
      }),
    )
    .exactOptional(),
  /** On hosts that are to be nodes of Kubernetes. */
  node: z
    .object({
      name: z.string(),
      /** The cluster takes it for ready. */
      ready: z.boolean(),
      /** Sentences about what keeps it from being ready. */
      reasons: z.array(z.string()),
    })
    .exactOptional(),
  /** On instances of an ECS cluster: what their agent answers. */
  ecs: z
    .object({
      /** Name or ARN, as the agent knows it. */
      cluster: z.string().exactOptional(),
      /** ARN of the container instance, once it is registered. */
      containerInstance: z.string().exactOptional(),
      /** As the agent tells it: "Amazon ECS Agent - v1.100.0". */
      agent: z.string().exactOptional(),
      /** The agent of this boot is registered with the cluster. */
      ready: z.boolean(),
      /** Sentences about what keeps it from being ready. */
      reasons: z.array(z.string()),
    })
    .exactOptional(),
  /** On hosts for machines with GPUs of NVIDIA. */
  nvidia: z
    .object({
      /** The version of the driver whose kernel module is loaded. */
      driver: z.string().exactOptional(),
      /** The driver is there. */
      ready: z.boolean(),
      /** Sentences about what is waited for. */
      reasons: z.array(z.string()),
    })
    .exactOptional(),
  rebootNeeded: z.array(z.string()),
  /** Sentences about what will be wrong soon: file systems that fill up, certificates that end. */
  warnings: warnings.exactOptional(),
  /** Whether the kernel denies what its policy does not allow, or only notes it. Versions before there was one do not tell. */
  selinux: z.enum(["enforcing", "permissive", "disabled"]).exactOptional(),
  /** Versions before there was a choice do not tell. */
  storage: storage.exactOptional(),
  /** The last update of this host, until it has proved healthy. */
  update: lastUpdate.exactOptional(),
  /** Versions that were started here, did not prove healthy and are not tried again; the newest failure last. */
  heldUpdates: z.array(z.object({ version: z.string(), at: z.iso.datetime(), reason: z.string() })).exactOptional(),
  /** The last crash of the kernel here of which something was kept; its messages are in the support archive. */
  kernelCrash: z.object({ at: z.iso.datetime() }).exactOptional(),
  trial: trial.exactOptional(),
  /** What was damaged on the private partition and lies aside there, and what is so without it; the newest last. */
  setAside: z
    .array(z.object({ path: z.string(), at: z.iso.datetime(), movedTo: z.string(), effect: z.string() }))
    .exactOptional(),
  /** Sentences about what could not be found out for this answer. */
  unknown: z.array(z.string()).exactOptional(),
  remote: z.object({
    enabled: z.boolean(),
    port: z.number().int().exactOptional(),
    /** SHA-256 of the server's certificate, as printed on the console. */
    fingerprint: z.string().exactOptional(),
    failure: applyFailure.exactOptional(),
  }),
});
export type StatusBody = z.infer<typeof status>;

/** The shape of Bottlerocket's update status. */
const image = z.object({ arch: z.string(), version: z.string(), variant: z.string() });
const partition = z.object({ image, next_to_boot: z.boolean() });
export const updateStatus = z.object({
  update_state: z.enum(["Idle", "Available", "Staged", "Ready"]),
  available_updates: z.array(z.string()),
  chosen_update: image.nullable(),
  active_partition: partition.nullable(),
  staging_partition: partition.nullable(),
  most_recent_command: z.object({
    cmd_type: updateCommand,
    cmd_status: z.enum(["Success", "Failed", "Unknown"]),
    timestamp: z.string(),
    exit_status: z.number().int().nullable(),
    stderr: z.string().nullable(),
  }),
  /** Ours: what is being done right now. `most_recent_command` tells the result when it has one. */
  progress: z
    .object({
      command: updateCommand,
      step: z.enum(["look", "download", "verify"]),
      done_bytes: z.number().int().exactOptional(),
      total_bytes: z.number().int().exactOptional(),
      bytes_per_second: z.number().int().exactOptional(),
      seconds_left: z.number().int().exactOptional(),
    })
    .exactOptional(),
  /** Ours: what the version that was chosen last takes to come here, in bytes, and what was fetched for it. */
  download: z
    .object({
      version: z.string(),
      bytes: z.number().int(),
      /** Of all its files, without patches. */
      whole_bytes: z.number().int(),
      /** The version that patches are taken from. */
      from: z.string().exactOptional(),
      fetched_bytes: z.number().int().exactOptional(),
      fetched_from: z.string().exactOptional(),
    })
    .exactOptional(),
});
export type UpdateStatusBody = z.infer<typeof updateStatus>;

/** When this host will see which version, and what holds the others. */
export const updateExplanation = z.object({
  running: image,
  /** Whether the running version has proved healthy since it was installed. */
  proved: z.boolean(),
  seed: z.number().int(),
  chosen: z.string().exactOptional(),
  /** Newest first, as of `checkedAt`. */
  versions: z.array(
    z.object({
      version: z.string(),
      /** When its first wave began; absent where it has no waves. */
      releasedAt: z.iso.datetime().exactOptional(),
      /** What it takes to come here, in bytes; absent for the version that runs. */
      download: z
        .object({
          bytes: z.number().int(),
          /** Of all its files, without patches. */
          wholeBytes: z.number().int(),
          /** The version that patches are taken from. */
          from: z.string().exactOptional(),
        })
        .exactOptional(),
      holds: z.array(
        z.object({
          kind: z.enum(["above-maximum", "wave", "version-lock", "not-newer", "failed-before"]),
          /** A sentence for people. Clients and hosts of other versions know it by this name. */
          // oxlint-disable-next-line id-denylist -- the name in the API
          says: z.string(),
          opensAt: z.iso.datetime().exactOptional(),
        }),
      ),
    }),
  ),
  /** The next version, where modules are loaded that are not the image's and the repository has no kit to build them by. */
  missingKit: z.object({ version: z.string(), modules: z.array(z.string()), kit: z.string() }).exactOptional(),
  /** The next version, where the repository does not have every extension that settings choose for it. */
  missingExtensions: z.object({ version: z.string(), names: z.array(z.string()) }).exactOptional(),
  /** Versions that were started here and did not prove healthy. */
  held: z.array(z.object({ version: z.string(), at: z.iso.datetime(), reason: z.string() })),
  checkedAt: z.iso.datetime(),
  metadataExpires: z.iso.datetime(),
});
export type UpdateExplanation = z.infer<typeof updateExplanation>;
