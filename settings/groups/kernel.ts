/** `settings.kernel` */
import { pageCount } from "../values/amounts.ts";
import { moduleName, sysctlKey } from "../values/kernel-names.ts";
import { mapOf, setting, table } from "../model/setting.ts";
import { line } from "../values/text.ts";
import { flag, oneOf, wholeNumber } from "../model/type.ts";

const pages = table("Pages of this size. Which sizes there are depends on the processor.", {
  count: setting({ type: pageCount, doc: "How many, for the machine or for each NUMA node.", example: "512" }),
});

export const kernel = table("The kernel.", {
  lockdown: setting({
    type: oneOf("none", "integrity", "confidentiality"),
    doc: "Kernel lockdown mode. Raising it takes effect at once, relaxing it at the next boot; with Secure Boot the kernel never goes below integrity.",
    default: "integrity",
  }),
  sysctl: mapOf({
    doc: "Kernel parameters, written below /proc/sys. One that the kernel does not have is a warning; it is written when a module brings it.",
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
      autoload: setting({
        type: flag,
        doc: "Load it at boot. It must be allowed. One that the kernel does not have is a warning.",
        default: false,
      }),
    }),
  }),
  zram: table(
    "Swap space in memory, compressed: what is seldom used takes a part of its room. There is no other swap.",
    {
      enabled: setting({ type: flag, doc: "Whether there is some.", default: false }),
      "memory-percent": setting({
        type: wholeNumber({ least: 1, most: 200 }),
        doc: "How much fits into it before it is compressed, in percent of the machine's memory.",
        default: 50,
      }),
      algorithm: setting({
        type: oneOf("zstd", "lz4", "lz4hc", "deflate"),
        doc: "How it is compressed: zstd takes less room, lz4 less time.",
        default: "zstd",
      }),
    },
  ),
  hugepages: table("Pages of memory larger than usual.", {
    static: table("Pages set aside when the host starts; later as far as there is memory in one piece.", {
      essential: setting({
        type: flag,
        doc: "Whether the boot stops when not all of them could be had.",
        default: false,
      }),
      "64Ki": pages,
      "2Mi": pages,
      "32Mi": pages,
      "512Mi": pages,
      "1Gi": pages,
      "16Gi": pages,
    }),
    transparent: table("Pages that the kernel makes of usual ones.", {
      enabled: setting({ type: oneOf("always", "madvise", "never"), doc: "For whom." }),
      defrag: setting({
        type: oneOf("always", "defer", "defer+madvise", "madvise", "never"),
        doc: "How hard the kernel tries to have some.",
      }),
    }),
  }),
});
