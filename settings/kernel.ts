/** `settings.kernel` */
import { moduleName, sysctlKey } from "./kernel-names.ts";
import { mapOf, setting, table } from "./setting.ts";
import { line } from "./text.ts";
import { flag, oneOf } from "./type.ts";

export const kernel = table("The kernel.", {
  lockdown: setting({
    type: oneOf("none", "integrity", "confidentiality"),
    doc: "Kernel lockdown mode. Raising it takes effect at once, relaxing it at the next boot.",
    default: "integrity",
  }),
  sysctl: mapOf({
    doc: "Kernel parameters, written below /proc/sys.",
    name: sysctlKey,
    placeholder: "parameter",
    entry: setting({ type: line, doc: "The value, always as text.", example: "1" }),
  }),
  modules: mapOf({
    doc: "Kernel modules.",
    name: moduleName,
    placeholder: "module",
    entry: table("One module.", {
      allowed: setting({
        type: flag,
        doc: "Whether it may be loaded. A module that is loaded already stays until the next boot.",
        default: true,
      }),
      autoload: setting({ type: flag, doc: "Load it at boot. It must be allowed.", default: false }),
    }),
  }),
});
