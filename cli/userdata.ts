/** `./orlop userdata`: user data made from what people have. */
import { Failure } from "../lib/failure.ts";
import { variantOption, verb } from "./context.ts";

export const userdataGroups = { userdata: "User data made from files of other tools" } as const;

export const fromEksctl = verb({
  name: "userdata from-eksctl",
  summary: "Make user data of the bottlerocket.settings of a node group in an eksctl ClusterConfig, and check it",
  description: `The user data is TOML on standard output. What eksctl adds by itself, such as the cluster's address,
is not in it.`,
  examples: [
    { run: "./orlop userdata from-eksctl cluster.yaml --variant aws-k8s-1.35", says: "the only node group" },
    { run: "./orlop userdata from-eksctl cluster.yaml --variant aws-k8s-1.35 --group web", says: "one of several" },
  ],
  options: {
    variant: { ...variantOption, default: "aws-k8s-1.35" },
    group: { type: "text", value: "NAME", help: "Which node group; needed when several have settings" },
  },
  arguments: { file: { value: "FILE", help: "A ClusterConfig; - is standard input", complete: "files" } },
  async run({ invocation }, { file, variant, group }): Promise<{ userData: string }> {
    const [{ eksctlUserData }, { checkDocument, describeCheck }, { modelFor }, { variantNamed }, { readSource }] =
      await Promise.all([
        import("../settings/eksctl.ts"),
        import("../settings/check.ts"),
        import("../settings/model.ts"),
        import("../variants/all.ts"),
        import("../host/commands/apiclient/source.ts"),
      ]);
    const model = modelFor(variantNamed(variant));
    const text = Buffer.from(await readSource(file, invocation)).toString("utf8");
    const userData = eksctlUserData(text, group);
    const report = checkDocument(userData, model);
    if (!report.valid) {
      const says = describeCheck("the user data", report);
      throw new Failure("bad-settings", `cannot use the settings of ${file} for ${variant}:\n${says}`);
    }
    for (const { message } of report.warnings) invocation.note(`warning: ${message}`);
    return { userData };
  },
  print: ({ userData }) => userData.trimEnd(),
});
