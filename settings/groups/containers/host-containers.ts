/** `settings.host-containers` */
import { companionRegistry, imageReference } from "../../values/oci-names.ts";
import { mapOf, setting, table } from "../../model/setting.ts";
import { base64, identifier, programArguments } from "../../values/text.ts";
import { flag, oneOf } from "../../model/type.ts";

export const hostContainers = mapOf({
  doc: "Containers that belong to the host, beside the orchestrator's.",
  name: identifier,
  placeholder: "name",
  standard: {
    admin: { source: `${companionRegistry}/admin`, enabled: false, superpowered: true },
    control: { source: `${companionRegistry}/control`, enabled: false, superpowered: false },
  },
  entry: table("One container.", {
    source: setting({
      type: imageReference,
      doc: "The image. An enabled container does not run without one. `orlop.local/admin` and `orlop.local/control` come with the OS, and from no registry: each version has its own, signed with it.",
      example: "registry.example.com/admin:v1",
    }),
    enabled: setting({ type: flag, doc: "Whether it runs.", default: false }),
    superpowered: setting({ type: flag, doc: "Whether it has every privilege on the host.", default: false }),
    api: setting({
      type: oneOf("none", "read-only", "operator", "admin"),
      doc: "What it may do by the API's socket. With none it has no socket. Who may change settings can give itself every privilege, so a container that is not superpowered is held by this too.",
      default: "admin",
      example: "none",
    }),
    "user-data": setting({
      type: base64,
      doc: "Data for the container, which it finds in /.bottlerocket/host-containers/current/user-data.",
    }),
    command: setting({
      type: programArguments,
      doc: "Arguments in place of the image's own.",
      example: ["/usr/sbin/sshd", "-D"],
    }),
  }),
});
