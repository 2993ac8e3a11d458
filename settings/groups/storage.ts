/** `settings.storage` */
import { setting, table } from "../model/setting.ts";
import { listOf, oneOf } from "../model/type.ts";
import { ageRecipient } from "../values/recipients.ts";

export const storage = table("The partitions that this host writes to. User data says it once, at the first boot.", {
  encryption: setting({
    type: oneOf("none", "tpm2"),
    doc: "How they are encrypted. With tpm2 the first boot makes them anew as LUKS2, sealed to the TPM of this machine, and starts again; a machine without a TPM takes no user data then, and says so. Cannot be changed later: the machine is made anew.",
    default: "none",
  }),
  "recovery-recipients": setting({
    type: listOf(ageRecipient),
    doc: "For whom the first boot encrypts the recovery key, which opens the partitions without the TPM: recipients of age. `apiclient recovery-key` hands it out once.",
    example: ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"],
  }),
});
