/** What the stack of the updater lets it ask of AWS. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

export const stackTemplate = join(import.meta.dir, "../../../cluster/ecs/stack/orlop-ecs-updater.yaml");

const Statements = z.array(z.looseObject({ Action: z.array(z.string()) }));
const Policy = z.looseObject({ PolicyDocument: z.looseObject({ Statement: Statements }) });
const Template = z.looseObject({
  Resources: z.looseObject({
    UpdaterRole: z.looseObject({ Properties: z.looseObject({ Policies: z.tuple([Policy]) }) }),
  }),
});

/** "ecs:ListTasks", sorted, each once. */
export async function updaterRights(): Promise<string[]> {
  const { Resources } = Template.parse(parse(await readFile(stackTemplate, "utf8")));
  const [policy] = Resources.UpdaterRole.Properties.Policies;
  return [...new Set(policy.PolicyDocument.Statement.flatMap(({ Action }) => Action))].toSorted();
}
