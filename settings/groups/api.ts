/** `settings.api` */
import { mapOf, setting, table } from "../model/setting.ts";
import { certificates } from "../values/pem.ts";
import { identifier, pattern } from "../values/text.ts";
import { flag, oneOf, wholeNumber } from "../model/type.ts";

/** X.520 allows 64 characters. */
// oxlint-disable-next-line no-control-regex -- to refuse them
const commonName = pattern("a common name of 1 to 64 characters", /^[^\u0000-\u001f\u007f-\u009f]{1,64}$/);

export const api = table("The API of this host.", {
  socket: table("The API's socket, /run/api.sock.", {
    workloads: setting({
      type: flag,
      doc: "Whether containers of the orchestrator that are given the socket may use it, and so do everything.",
      default: false,
    }),
  }),
  remote: table("The API over mutual TLS, beside the socket that this host's own containers use.", {
    enabled: setting({ type: flag, doc: "Whether the API listens on the network.", default: false }),
    port: setting({ type: wholeNumber({ least: 1, most: 65_535 }), doc: "TCP port.", default: 8443 }),
    "client-cas": mapOf({
      doc: "Certificate authorities that clients must come from. At least one when the remote API is enabled.",
      name: identifier,
      placeholder: "name",
      entry: setting({ type: certificates, doc: "The certificates: PEM in base64." }),
    }),
    roles: mapOf({
      doc: "What a client may do, by the common name of its certificate's subject. Who is not listed may do nothing.",
      name: commonName,
      placeholder: "common name",
      entry: setting({
        type: oneOf("read-only", "operator", "admin"),
        doc: "read-only sees everything, operator also updates, reboots and confirms, admin may do everything.",
      }),
    }),
    "role-cas": mapOf({
      doc: "From which authority a client of that common name must come. From any of client-cas unless it is here.",
      name: commonName,
      placeholder: "common name",
      entry: setting({
        type: identifier,
        doc: "A name in client-cas, one of whose certificates must have signed the client's itself.",
      }),
    }),
  }),
});
