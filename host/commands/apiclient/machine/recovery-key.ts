/** `apiclient recovery-key` */
import { apiCommand } from "../context.ts";

export const recoveryKey = apiCommand({
  name: "recovery-key",
  summary: "Take the key that opens encrypted partitions without the TPM; the host forgets it",
  examples: [
    { run: "apiclient recovery-key > host.age", description: "encrypted for the recipients that user data names" },
    { run: "age --decrypt --identity key.txt host.age", description: "on the computer of one of them" },
  ],
  async run({ api, signal }) {
    return (await (await api()).call("takeRecoveryKey", { signal })).recoveryKey;
  },
  print: (text) => text.trimEnd(),
});
