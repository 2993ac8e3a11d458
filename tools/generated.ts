/** Files of the tree that are made from code. `./orlop generate` writes them; a test holds them to it. */
import { fleetPolicyDefinition, nodeUpdateDefinition } from "../cluster/chart/custom-resources.ts";
import { stackTemplate } from "../cluster/ecs/stack/stack.ts";
import { laptopClient } from "../console/client.ts";
import { referencePage } from "../lib/command/command-reference.ts";
import { protobufFiles } from "./protobuf.ts";
import { withCompletion } from "../lib/command/completion.ts";
import { jsonSchemaOf } from "../settings/document/json-schema.ts";
import { modelFor, type Model } from "../settings/model/model.ts";
import { settingsPage } from "../settings/document/settings-page.ts";
import { goldenFiles } from "../test/golden.ts";
import { variants } from "../variants/all.ts";

const models: ReadonlyMap<string, Model> = new Map(
  [...variants.values()].map((variant) => [variant.name, modelFor(variant)]),
);

/** Content by path. */
export const generated: Readonly<Record<string, () => string | Promise<string>>> = {
  "docs/apiclient.md": () => referencePage(withCompletion(laptopClient)),
  "docs/settings.md": () => settingsPage(models),
  "cluster/chart/orlop-fleet/crds/fleetpolicies.yaml": fleetPolicyDefinition,
  "cluster/chart/orlop-fleet/crds/nodeupdates.yaml": nodeUpdateDefinition,
  "cluster/ecs/stack/orlop-ecs-updater.yaml": stackTemplate,
  ...goldenFiles,
  ...protobufFiles,
  ...Object.fromEntries(
    [...models].map(([name, model]) => [
      `docs/schema/${name}.json`,
      () => `${JSON.stringify(jsonSchemaOf(model, name), null, 2)}\n`,
    ]),
  ),
};
