/** The settings that a host has, by the variant that it names. */
import type { Client } from "../../../api/client/client.ts";
import { groups, isGroup } from "../../../settings/groups/group.ts";
import { modelFor, type Model } from "../../../settings/model/model.ts";
import { variants } from "../../../variants/all.ts";
import { version as ownVersion } from "../../../package.json";

/** @returns `hint` says why the host may know other settings than this client does */
export async function modelOfHost(
  api: Client,
  signal: AbortSignal,
): Promise<{ model: Model; hint: string | undefined }> {
  const { variant_id: name = "", version_id: version } = await api.call("getOs", { query: {}, signal });
  const everything = {
    name,
    groups: Object.keys(groups).filter(isGroup),
    defaults: {},
    orchestrator: { kind: "none" },
    platform: "",
    programs: {},
  };
  return {
    model: modelFor(variants.get(name) ?? everything),
    hint: version === ownVersion ? undefined : `this apiclient is of version ${ownVersion}, the host of ${version}`,
  };
}
