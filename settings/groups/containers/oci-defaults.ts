/** `settings.oci-defaults` and `settings.oci-hooks` */
import { limit } from "../../values/amounts.ts";
import { furtherCapabilities, ordinaryCapabilities, resourceLimits } from "../../values/oci-names.ts";
import { setting, table, type Setting, type Table } from "../../model/setting.ts";
import { flag } from "../../model/type.ts";

type Flags<Name extends string> = { [Key in Name]: Setting<boolean, true> };
type Limits = {
  [Key in (typeof resourceLimits)[number]]: Table<{ "soft-limit": typeof soft; "hard-limit": typeof hard }>;
};

function capabilities<Name extends string>(names: readonly Name[], standard: boolean): Flags<Name> {
  const entries = names.map((name) => {
    const capability = `CAP_${name.toUpperCase().replaceAll("-", "_")}`;
    const doc = `Whether containers have ${capability}, see capabilities(7).`;
    return [name, setting({ type: flag, doc, default: standard })];
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one entry for each name
  return Object.fromEntries(entries) as Flags<Name>;
}

const soft = setting({ type: limit, doc: "The limit in force. Needs hard-limit.", example: 65_536 });
const hard = setting({ type: limit, doc: "What a process may raise it to. Needs soft-limit.", example: "unlimited" });

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one entry for each name
const limits = Object.fromEntries(
  resourceLimits.map((name) => [
    name,
    table("In the units of getrlimit(2).", { "soft-limit": soft, "hard-limit": hard }),
  ]),
) as Limits;

export const ociDefaults = table("What the orchestrator's containers get unless they ask for something else.", {
  capabilities: table("Linux capabilities.", {
    ...capabilities(ordinaryCapabilities, true),
    ...capabilities(furtherCapabilities, false),
  }),
  "resource-limits": table("Limits of resources for each process.", limits),
});

export const ociHooks = table("Programs that run when a container starts.", {
  "log4j-hotpatch-enabled": setting({
    type: flag,
    doc: "Whether Java programs are patched against Log4Shell.",
    inert: "the patch is gone, as it is from Bottlerocket since 1.15",
  }),
});
