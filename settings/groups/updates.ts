/** `settings.updates` */
import { imageReference } from "../values/oci-names.ts";
import { mapOf, setting, table } from "../model/setting.ts";
import { identifier, line, programArguments, versionOrLatest } from "../values/text.ts";
import { flag, listOf, uint32, wholeNumber } from "../model/type.ts";
import { httpsUrl, httpUrl } from "../values/url.ts";

export const updates = table("Where updates come from, and when they are taken.", {
  "metadata-base-url": setting({
    type: httpsUrl,
    doc: "Where the metadata of the update repository for this variant and architecture lies. There are no updates without it.",
    example: "https://updates.example.com/metadata/dev/x86_64/",
  }),
  "targets-base-url": setting({
    type: httpsUrl,
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
  tries: setting({
    type: wholeNumber({ least: 1, most: 10 }),
    doc: "How often an update may be started before it must have proved healthy.",
    default: 1,
  }),
  health: table(
    "What must hold before an update counts as good. Otherwise the host goes back by itself. A version is judged by what stands here when it starts: a change during its trial counts from the next update on. What failed on the host before an update is not held against it, but for what stands here.",
    {
      units: setting({
        type: listOf(line),
        doc: "Further systemd units that must be active, beside those of the variant.",
        default: [],
        example: ["nginx.service"],
      }),
      "http-probes": setting({
        type: listOf(httpUrl),
        doc: "URLs that must answer with a status from 200 to 399.",
        default: [],
        example: ["http://127.0.0.1:8080/healthz"],
      }),
      containers: mapOf({
        doc: "Containers that are run to their end once everything else holds, and must end with exit code 0. What a check prints before it fails is told with it.",
        name: identifier,
        placeholder: "name",
        entry: table("One check.", {
          source: setting({
            type: imageReference,
            doc: "The image. Every check needs one.",
            example: "registry.example.com/check:v1",
          }),
          command: setting({
            type: programArguments,
            doc: "Arguments in place of the image's own.",
            example: ["/bin/check", "--database", "10.0.0.5"],
          }),
        }),
      }),
      "timeout-seconds": setting({
        type: wholeNumber({ least: 10, most: 86_400 }),
        doc: "How long after its start an update may take until everything holds.",
        default: 600,
      }),
    },
  ),
});
