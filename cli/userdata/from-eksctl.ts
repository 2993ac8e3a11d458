/** `./orlop userdata from-eksctl`: user data made from what people have. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../lib/failure.ts";
import type { EksctlUserData } from "../../settings/eksctl/user-data.ts";
import { splitKey } from "../../settings/model/key.ts";
import type { Problem } from "../../settings/model/problem.ts";
import { variantOption, verb } from "../context.ts";

export const fromEksctl = verb({
  name: "userdata from-eksctl",
  summary: "Make the user data that eksctl makes of a node group of Bottlerocket, and check it",
  description: `The user data is TOML on standard output. Keys of the group that do not become settings are told, with line and
column, and so are the settings that eksctl asks AWS for.`,
  examples: [
    {
      run: "./orlop userdata from-eksctl cluster.yaml --variant aws-k8s-1.35",
      description: "the only group of Bottlerocket",
    },
    { run: "./orlop userdata from-eksctl cluster.yaml --nodegroup web", description: "one of several" },
  ],
  options: {
    variant: { ...variantOption, default: "aws-k8s-1.35" },
    nodegroup: { type: "text", value: "NAME", help: "Which node group; needed when several are of Bottlerocket" },
  },
  arguments: { file: { value: "FILE", help: "A ClusterConfig; - is standard input", complete: "files" } },
  async run({ invocation }, { file, variant, nodegroup }): Promise<{ userData: string }> {
    const [{ eksctlUserData }, { checkDocument, describeCheck }, { modelFor }, { variantNamed }, { readSource }] =
      await Promise.all([
        import("../../settings/eksctl/user-data.ts"),
        import("../../settings/document/check.ts"),
        import("../../settings/model/model.ts"),
        import("../../variants/all.ts"),
        import("../../host/commands/apiclient/change/source.ts"),
      ]);
    const model = modelFor(variantNamed(variant));
    const text = Buffer.from(await readSource(file, invocation)).toString("utf8");
    const { userData, notes, lacking, placeOf } = await eksctlUserData(text, nodegroup, readPublicKey);
    const report = checkDocument(userData, model);
    if (!report.valid) {
      const problems = report.problems.map((problem) => inFile(problem, placeOf));
      const description = describeCheck(file, { ...report, problems });
      throw new Failure("bad-settings", `cannot use the node group for ${variant}:\n${description}`);
    }
    for (const { line, column, key, message } of notes) invocation.note(`${file}:${line}:${column}: ${key} ${message}`);
    for (const { message } of report.warnings) invocation.note(`warning: ${message}`);
    if (lacking.length > 0) {
      invocation.note(`to be filled in from \`aws eks describe-cluster\`: settings.kubernetes: ${lacking.join(", ")}`);
    }
    return { userData };
  },
  print: ({ userData }) => userData.trimEnd(),
});

/** A problem of the user data, with its place in the file that the user data was made of. */
function inFile({ line: _line, column: _column, ...problem }: Problem, placeOf: EksctlUserData["placeOf"]): Problem {
  const [, ...setting] = splitKey(problem.key);
  return { ...problem, ...placeOf(setting) };
}

/** @throws {Failure<"cannot-read">} */
async function readPublicKey(path: string): Promise<string> {
  const from = path.startsWith("~/") ? join(homedir(), path.slice(2)) : path;
  try {
    return await readFile(from, "utf8");
  } catch (error) {
    throw new Failure("cannot-read", `cannot read ${path}`, { cause: error });
  }
}
