/** Files for `EnvironmentFile=` of units; see systemd.exec(5) for what has to be quoted. */
import { assert } from "../../lib/failure.ts";

const plain = /^[A-Za-z0-9_./:,@%+=*~[\]-]*$/;

export function environmentFile(variables: readonly (readonly [name: string, value: string])[]): string {
  return variables.map(([name, value]) => `${name}=${quoted(name, value)}\n`).join("");
}

function quoted(name: string, value: string): string {
  assert(!/[\n\r\0]/.test(value), `${name} is a single line`);
  return plain.test(value) ? value : `"${value.replaceAll(/["\\$`]/g, "\\$&")}"`;
}
