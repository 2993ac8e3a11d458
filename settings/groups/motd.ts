/** `settings.motd` */
import { setting } from "../model/setting.ts";
import { text } from "../values/text.ts";

export const motd = setting({
  type: text,
  doc: "What people see when they log in to a container of this host: the content of /etc/motd.",
  default: "Welcome to Orlop!",
});
