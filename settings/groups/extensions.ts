/** `settings.extensions` */
import { mapOf, setting, table } from "../model/setting.ts";
import { flag } from "../model/type.ts";
import { extensionName } from "../values/extension-name.ts";

export const extensions = mapOf({
  doc: "System extensions: what is in /usr beside the image, from the update repository, and signed by the key of the image (docs/extensions.md).",
  name: extensionName,
  placeholder: "name",
  entry: table("One extension.", {
    enabled: setting({
      type: flag,
      doc: "Whether it is there. It is fetched at once, in the version that runs, and is in /usr from the next boot on; a first boot has it already. Each update brings its own.",
      default: false,
      example: true,
    }),
  }),
});
