/** Bodies of the API's answers and requests. Source: Bottlerocket's API for its shapes, our additions for the rest. */
import { z } from "zod";
import { message } from "./endpoints/query.ts";
import { isJsonObject, type Json, type JsonObject } from "../lib/text/json.ts";

/** What `parseJson` gave is JSON already. The OpenAPI document knows this schema and the next by their instances. */
export const anyJson = z.custom<Json>((value) => value !== undefined);

/**
 * A partial tree of settings with the names users write, without an outer "settings".
 *
 * Not a record of zod's: that would drop a key `__proto__` where the model refuses it.
 */
export const settingsTree = z.custom<JsonObject>(isJsonObject, "must be a table of settings");
export type SettingsTreeBody = z.infer<typeof settingsTree>;

/** Full dotted keys, as `settings.motd`. */
export const keys = z.array(z.string());

export const problem = z.object({
  key: z.string(),
  message: z.string(),
  suggestion: z.string().exactOptional(),
  line: z.number().int().exactOptional(),
  column: z.number().int().exactOptional(),
});

export type ProblemBody = z.infer<typeof problem>;

/** The body of every refusal when the client accepts application/json; otherwise it is plain text. */
export const refusal = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().exactOptional(),
  problems: z.array(problem).exactOptional(),
});
export type Refusal = z.infer<typeof refusal>;

export const os = z.object({
  arch: z.string(),
  build_id: z.string(),
  pretty_name: z.string(),
  variant_id: z.string(),
  version_id: z.string(),
});

export const service = z.object({
  "configuration-files": z.array(z.string()),
  "restart-commands": z.array(z.string()),
});
export const configurationFile = z.object({
  path: z.string(),
  "template-path": z.string(),
  mode: z.string().exactOptional(),
});

export const wholeModel = z.object({
  settings: settingsTree.exactOptional(),
  services: z.record(z.string(), service).exactOptional(),
  "configuration-files": z.record(z.string(), configurationFile).exactOptional(),
  os: os.partial().exactOptional(),
});

/** What one step of a reconciler does, or would do. */
export const effect = z.object({
  /** What it does, as in "restart chrony.service". Clients and hosts of other versions know it by this name. */
  // oxlint-disable-next-line id-denylist -- the name in the API
  says: z.string(),
  file: z
    .object({
      path: z.string(),
      change: z.enum(["create", "modify", "remove"]),
      /** What is in it, in plans that are asked for it; absent for files that not everybody may read. */
      text: z.object({ before: z.string(), after: z.string() }).exactOptional(),
    })
    .exactOptional(),
  units: z
    .array(z.object({ name: z.string(), action: z.enum(["restart", "reload", "start", "stop"]) }))
    .exactOptional(),
});

export const applyFailure = z.object({
  code: z.string(),
  message: z.string(),
  unit: z.string().exactOptional(),
  /** The last lines of the unit's journal. */
  journal: z.string().exactOptional(),
  /** What was not done because of it: the same words whenever the same fails, also on another boot. */
  undone: z.array(z.string()).exactOptional(),
});

/** What settings ask for and the machine does not have, such as a parameter that its kernel does not know. No failure. */
export const warnings = z.array(z.string());

/** What one pass of all reconcilers did for one version of the settings. */
export const passReport = z.object({
  version: z.number().int(),
  reconcilers: z.array(
    z.object({
      name: z.string(),
      steps: z.number().int(),
      effects: z.array(effect),
      /** What fails since the change, or because of it. */
      failure: applyFailure.exactOptional(),
      /** What failed before the change, and has nothing to do with what it changed. */
      failedBefore: applyFailure.exactOptional(),
      /** Those that were not there before the change. */
      warnings: warnings.exactOptional(),
      /** Why the machine has to be booted again for the change. */
      rebootNeeded: z.array(z.string()).exactOptional(),
    }),
  ),
});
export type PassReportBody = z.infer<typeof passReport>;

/** A key whose value differs; an absent side means that it is not set. */
export const change = z.object({ key: z.string(), before: anyJson.exactOptional(), after: anyJson.exactOptional() });

/** What a commit would do, before anything changes. */
export const plan = z.object({
  changes: z.array(change),
  reconcilers: z.array(
    z.object({
      name: z.string(),
      effects: z.array(effect),
      failure: applyFailure.exactOptional(),
      warnings: warnings.exactOptional(),
    }),
  ),
  rebootNeeded: z.array(z.string()),
});
export type Plan = z.infer<typeof plan>;

/**
 * What to plan without staging it: settings to set, as a tree and as KEY=VALUE whose setting decides what the text is,
 * and keys to return to their defaults.
 */
export const planRequest = z.object({
  set: settingsTree.exactOptional(),
  pairs: z.array(z.string()).exactOptional(),
  delete: keys.exactOptional(),
});
export type PlanRequest = z.infer<typeof planRequest>;

/** The same, to be committed at once. A field that is misspelt is refused: what it asks for would be left out. */
export const changeRequest = planRequest.extend({ message: message.exactOptional() }).strict();
export type ChangeRequest = z.infer<typeof changeRequest>;

export const author = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("socket"),
    uid: z.number().int(),
    pid: z.number().int().exactOptional(),
    /** The host's own container that it came from: its name, with "boot." or "health." in front for those types. */
    container: z.string().exactOptional(),
  }),
  z.object({ kind: z.literal("remote"), subject: z.string() }),
  z.object({ kind: z.literal("host"), part: z.string() }),
]);

export const transaction = z.object({
  version: z.number().int(),
  at: z.iso.datetime(),
  by: author,
  /** The version of the image that was running. */
  image: z.string(),
  /** The message of whoever made the change. Clients and hosts of other versions know it by this name. */
  // oxlint-disable-next-line id-denylist -- the name in the API
  says: z.string(),
  changes: z.array(change),
  hash: z.string(),
});
export type TransactionBody = z.infer<typeof transaction>;

/** A program that somebody ran in a host container. */
export const executed = z.object({
  at: z.iso.datetime(),
  by: author,
  image: z.string(),
  exec: z.object({
    container: z.string(),
    /** Only for administrators; for others, the program without its arguments. */
    command: z.array(z.string()),
    terminal: z.boolean(),
  }),
  /** Of the log of programs and orders, which has its own chain. */
  hash: z.string(),
});
export type ExecutedBody = z.infer<typeof executed>;

/** An order of a fleet to this host, and what this host did about it. */
export const ordered = z.object({
  at: z.iso.datetime(),
  /** The part of the host that obeys. */
  by: author,
  image: z.string(),
  order: z.object({
    id: z.string(),
    do: z.enum(["prepare", "reboot-into", "go-back"]),
    version: z.string(),
    /** Who ordered it: the policy's name. */
    by: z.string(),
    outcome: z.string(),
  }),
  /** Of the log of programs and orders, which has its own chain. */
  hash: z.string(),
});
export type OrderedBody = z.infer<typeof ordered>;

/** Newest first. */
export const history = z.array(z.union([transaction, executed, ordered]));
export type HistoryBody = z.infer<typeof history>;

/** What was forgotten of a setting. */
export const forgotten = z.object({
  key: z.string(),
  /** The history up to this version is gone; absent when the setting never had another value. */
  upTo: z.number().int().exactOptional(),
  /** Who asked is the entry of this version. */
  version: z.number().int().exactOptional(),
});
export type Forgotten = z.infer<typeof forgotten>;

/** Settings on trial return to `revertsTo` at `deadline` unless confirmed. */
export const trial = z.object({
  version: z.number().int(),
  revertsTo: z.number().int(),
  deadline: z.iso.datetime(),
});
export type TrialBody = z.infer<typeof trial>;

/**
 * What a change did. `result` is absent when it was not asked for, when nothing changed, or when it was not there within
 * the limit: see GET /status.
 */
export const applied = z.object({
  changed: keys,
  version: z.number().int(),
  /** What else whoever made the change should know, as sentences. */
  notes: z.array(z.string()).exactOptional(),
  result: passReport.exactOptional(),
  trial: trial.exactOptional(),
});
export type Applied = z.infer<typeof applied>;
