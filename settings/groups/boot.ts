/** `settings.boot` */
import { bootParameter, bootValue } from "../values/kernel-names.ts";
import { mapOf, setting, table } from "../model/setting.ts";
import { flag, listOf } from "../model/type.ts";

const values = (doc: string) => setting({ type: listOf(bootValue), doc, example: ["tty0", "ttyS1,115200n8"] });

export const boot = table(
  "The command lines of kernel and init, in force from the next boot.",
  {
    "kernel-parameters": mapOf({
      doc: "Parameters of the kernel, in the order in which they were set. `hugepages` has a value for each of `hugepagesz`, perhaps after one for the default size. `crashkernel` sets memory aside in which what a crashed kernel left is kept.",
      name: bootParameter,
      placeholder: "parameter",
      ordered: true,
      entry: values("Its values; an empty list for a parameter without value."),
    }),
    "init-parameters": mapOf({
      doc: "Parameters of systemd, in the order in which they were set.",
      name: bootParameter,
      placeholder: "parameter",
      ordered: true,
      entry: values("Its values; an empty list for a parameter without value."),
    }),
    "reboot-to-reconcile": setting({
      type: flag,
      doc: "Whether to reboot once, as soon as the host is configured, when it was booted with other parameters.",
      default: false,
    }),
  },
  { kernel: "kernel-parameters", init: "init-parameters" },
);
