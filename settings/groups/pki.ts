/** `settings.pki` */
import { certificatesOrNone } from "../values/pem.ts";
import { mapOf, setting, table } from "../model/setting.ts";
import { identifier } from "../values/text.ts";
import { flag } from "../model/type.ts";

export const pki = mapOf({
  doc: "Certificate authorities that this host trusts beside, or unlike, the usual ones.",
  name: identifier,
  placeholder: "bundle",
  entry: table("One bundle.", {
    data: setting({ type: certificatesOrNone, doc: "The certificates: PEM in base64." }),
    trusted: setting({
      type: flag,
      doc: "Whether its certificates are trusted; otherwise they are taken out of those trusted.",
      default: false,
    }),
  }),
});
