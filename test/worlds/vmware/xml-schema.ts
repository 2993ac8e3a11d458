/** Validation of XML by a schema: lxml, and so libxml2. */
import { dirname, join } from "node:path";
import { ask } from "../../../lib/program/process.ts";
import { pythonPackages } from "../python/python-packages.ts";

const script = `
import sys
from lxml import etree
schema = etree.XMLSchema(etree.parse(sys.argv[1]))
document = etree.parse(sys.argv[2])
if not schema.validate(document):
    for error in schema.error_log: print(f"line {error.line}: {error.message}")
    sys.exit(1)
`;

/** What is wrong with a descriptor of OVF, a line each; empty when it is valid. */
export async function ovfProblems(descriptor: string): Promise<string> {
  const packages = await pythonPackages(join(import.meta.dir, "requirements.txt"));
  const schema = join(import.meta.dir, "ovf-envelope.xsd");
  const argv = await packages.python(["-c", script, schema, descriptor], [import.meta.dir, dirname(descriptor)]);
  const { stdout, stderr, exitCode } = await ask(argv);
  if (exitCode > 1 || stderr !== "") throw new Error(stderr);
  return stdout;
}
