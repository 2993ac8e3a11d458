/** `settings.bootstrap-containers` and `settings.bootstrap-commands`: what prepares the machine before workloads start. */
import { z } from "zod";
import { imageReference } from "../../values/oci-names.ts";
import { mapOf, setting, table } from "../../model/setting.ts";
import { base64, identifier, line, programArguments } from "../../values/text.ts";
import { flag, listOf, oneOf, secret, typeOf } from "../../model/type.ts";

const mode = setting({
  type: oneOf("off", "once", "always"),
  doc: "When it runs: never, at the next boot until it succeeds, or at every boot.",
  default: "off",
});

const essential = setting({ type: flag, doc: "Whether the boot stops when it fails.", default: false });

export const bootstrapContainers = mapOf({
  doc: "Containers that run to their end before the orchestrator starts.",
  name: identifier,
  placeholder: "name",
  entry: table("One container.", {
    source: setting({
      type: imageReference,
      doc: "The image. A container whose mode is once or always needs one.",
      example: "registry.example.com/prepare:v1",
    }),
    mode,
    essential,
    "user-data": setting({
      type: base64,
      doc: "Data for the container, which it finds in /.bottlerocket/bootstrap-containers/current/user-data.",
    }),
    command: setting({ type: programArguments, doc: "Arguments in place of the image's own." }),
  }),
});

const apiclientCommand = secret(
  typeOf("a list of words that starts with apiclient", (refusal) =>
    z.tuple([z.literal("apiclient", refusal)], line.schema(), refusal),
  ),
);

export const bootstrapCommands = mapOf({
  doc: "Commands of apiclient that run at boot, in the order of their names, before bootstrap containers.",
  name: identifier,
  placeholder: "name",
  entry: table("One list of commands.", {
    commands: setting({
      type: listOf(apiclientCommand),
      doc: "The commands, in order.",
      example: [["apiclient", "set", "motd=prepared"]],
    }),
    mode,
    essential,
  }),
});
