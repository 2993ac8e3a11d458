/** `apiclient lockdown` */
import { apiCommand } from "./context.ts";

export const lockdown = apiCommand({
  name: "lockdown",
  summary: "Refuse every change of settings until the next boot",
  examples: [{ run: "apiclient lockdown", description: "for a host that is as it shall stay" }],
  async run({ api, signal }) {
    await (await api()).call("lockDown", { signal });
  },
});
