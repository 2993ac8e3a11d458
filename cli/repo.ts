/** `./orlop repo …`: the signed update repository, from its keys to what hosts see of it. */
import type { Command } from "../lib/command/command.ts";
import type { RepoContext } from "./repo/context.ts";
import { init } from "./repo/init.ts";
import { keyAdd, keyGenerate, keyId, keyRemove, keyRotate, rootRenew, rootThreshold } from "./repo/key.ts";
import { checkExpirations, download, serve, show, validate } from "./repo/look.ts";
import { maxVersion, prune, recall, refresh, waves } from "./repo/manifest.ts";
import { addFile, publishImage, publishVersion } from "./repo/publish.ts";

export const repoGroups = {
  repo: "The signed update repository: keys, versions, waves, expirations",
  "repo key": "Keys and what they may sign",
  "repo root": "The root role, which says whose signatures count",
} as const;

export const repoCommands: readonly Command<RepoContext>[] = [
  keyGenerate,
  keyId,
  init,
  publishVersion,
  publishImage,
  refresh,
  show,
  validate,
  download,
  checkExpirations,
  maxVersion,
  recall,
  waves,
  prune,
  addFile,
  keyAdd,
  keyRemove,
  keyRotate,
  rootThreshold,
  rootRenew,
  serve,
];
