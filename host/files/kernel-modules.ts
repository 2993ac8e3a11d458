/**
 * Modules that must not be loaded; see modprobe.d(5).
 *
 * `install` replaces the loading by a program that fails, for people and for the kernel's own requests alike. A mere
 * `blacklist` would only hide the module's aliases.
 */
import { configFile } from "./config-file.ts";

export const deniedModulesPath = "/etc/modprobe.d/50-orlop.conf";

export const deniedModules = configFile({
  path: deniedModulesPath,
  render({ kernel }) {
    const denied = Object.keys(kernel.modules).filter((name) => kernel.modules[name]?.allowed === false);
    if (denied.length === 0) return undefined;
    return [
      "# Written from settings.kernel.modules.",
      ...denied.map((name) => `install ${name} /usr/bin/false`),
      "",
    ].join("\n");
  },
});
