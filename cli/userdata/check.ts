/** `./orlop userdata check`: the verdict of a host on user data, on a laptop. */
import type { CheckReport } from "../../settings/document/check.ts";
import { chosenVariant, variantFileOption, variantIn, variantOption, verb } from "../context.ts";

type Checked = CheckReport & { file: string };

export const check = verb({
  name: "userdata check",
  summary: "Say whether a host of a variant would take this user data",
  description: "Every problem is told with line, column, key, what was expected, and what was probably meant.",
  examples: [
    { run: "./orlop userdata check user-data.toml --variant aws-k8s-1.20", description: "TOML or JSON, gzip too" },
    {
      run: "./orlop userdata check --json user-data.toml",
      description: "for editors; docs/schema/ holds JSON Schemas",
    },
  ],
  options: { variant: variantOption, "variant-file": variantFileOption },
  arguments: { files: { value: "FILE", help: "User data; - is standard input", many: true, complete: "files" } },
  async run({ invocation }, { files, ...options }): Promise<Checked[]> {
    const [{ checkDocument }, { modelFor }] = await Promise.all([
      import("../../settings/document/check.ts"),
      import("../../settings/model/model.ts"),
    ]);
    const model = modelFor(await variantIn(await chosenVariant(options)));
    const { readSource } = await import("../../host/commands/apiclient/change/source.ts");
    return await Promise.all(
      files.map(async (file) => ({ file, ...checkDocument(await readSource(file, invocation), model, new Date()) })),
    );
  },
  async print(reports) {
    const { describeCheck } = await import("../../settings/document/check.ts");
    return reports.map(({ file, ...report }) => describeCheck(file, report)).join("\n");
  },
  exitCode: (reports) => (reports.every(({ valid }) => valid) ? 0 : 1),
});
