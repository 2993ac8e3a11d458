/** Every file that is rendered from settings. Those of groups that a variant lacks render to nothing. */
import { chronyConf } from "./chrony.ts";
import type { ConfigFiles } from "./config-file.ts";
import { hostnameFile } from "./hostname.ts";
import { deniedModules } from "./kernel-modules.ts";
import { motd } from "./motd.ts";
import { links } from "./network.ts";
import { proxyEnvironment } from "./proxy.ts";

export const configuration: readonly ConfigFiles[] = [
  motd,
  hostnameFile,
  links,
  chronyConf,
  proxyEnvironment,
  deniedModules,
];
