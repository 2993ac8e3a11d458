/** `settings.updates` */
import { setting, table } from "./setting.ts";
import { versionOrLatest } from "./text.ts";
import { flag, uint32, wholeNumber } from "./type.ts";
import { url } from "./url.ts";

export const updates = table("Where updates come from, and when they are taken.", {
  "metadata-base-url": setting({
    type: url,
    doc: "Where the metadata of the update repository lies. There are no updates without it.",
    example: "https://updates.example.com/metadata/",
  }),
  "targets-base-url": setting({
    type: url,
    doc: "Where the files of the update repository lie. There are no updates without it.",
    example: "https://updates.example.com/targets/",
  }),
  seed: setting({
    type: wholeNumber(uint32),
    doc: "The place of this host in an update's waves. Drawn once from 0 to 2047 unless set.",
    example: 1024,
  }),
  "version-lock": setting({
    type: versionOrLatest,
    doc: "The version to update to.",
    default: "latest",
    example: "v1.2.3",
  }),
  "ignore-waves": setting({ type: flag, doc: "Whether to see an update before its wave opens.", default: false }),
});
