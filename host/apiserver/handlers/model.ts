/** The whole model as Bottlerocket shows it, and the facts about the OS. */
import { osOf } from "../../machine/facts.ts";
import type { Caller } from "../callers/caller.ts";
import type { ApiContext } from "../context.ts";
import type { Handlers } from "../handler.ts";
import type { ConfigurationMetadata } from "./metadata.ts";
import { PreparedReply } from "../server/reply.ts";
import { startingWith, withRoot } from "../answers/prefix.ts";
import { leavesStartingWith } from "./settings.ts";

export function modelHandlers(
  { model, currentSettings, facts }: ApiContext,
  metadata: ConfigurationMetadata,
): Handlers<"getModel" | "getOs"> {
  const os = osOf(facts);
  const wholeOs = new PreparedReply(os);
  /** By the settings in them, as the caller may see them: all else in the model follows from those. */
  const wholes = new WeakMap<PreparedReply, PreparedReply>();

  /** An unknown prefix gives an empty answer, as in Bottlerocket. */
  const partOf = (caller: Caller, prefix: string) => {
    const settings = model.tree(leavesStartingWith(currentSettings.leaves(caller), prefix));
    const services = startingWith(metadata.services, "services.", prefix);
    const files = startingWith(metadata.configurationFiles(), "configuration-files.", prefix);
    const osFacts = startingWith(os, "os.", prefix);
    return {
      ...(isEmpty(settings) ? {} : { settings }),
      ...(isEmpty(services) ? {} : { services }),
      ...(isEmpty(files) ? {} : { "configuration-files": files }),
      ...(isEmpty(osFacts) ? {} : { os: osFacts }),
    };
  };

  return {
    getModel({ query: { prefix }, caller }) {
      if (prefix !== undefined) return partOf(caller, model.canonicalKey(prefix));
      const settings = currentSettings.prepared(caller);
      const whole = wholes.get(settings) ?? new PreparedReply(partOf(caller, ""));
      wholes.set(settings, whole);
      return whole;
    },
    getOs: ({ query: { prefix } }) =>
      prefix === undefined ? wholeOs : startingWith(os, "os.", withRoot(prefix, "os.")),
  };
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;
