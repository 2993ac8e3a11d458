/** `apiclient reboot` */
import { apiCommand } from "../context.ts";

export const reboot = apiCommand({
  name: "reboot",
  summary: "Reboot the host now",
  examples: [{ run: "apiclient reboot", description: "returns as soon as the host has agreed" }],
  async run({ api, signal }) {
    await (await api()).call("reboot", { signal });
  },
});
