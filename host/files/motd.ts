/** What people read when they log in to a container of this host. */
import { configFile } from "./config-file.ts";

export const motd = configFile({
  path: "/etc/motd",
  render: ({ motd: text }) => (text === "" || text.endsWith("\n") ? text : `${text}\n`),
});
