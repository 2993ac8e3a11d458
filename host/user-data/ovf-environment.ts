/**
 * The OVF environment, in which vSphere hands properties to a guest.
 *
 * `<Property oe:key="user-data" oe:value="…"/>` carries base64. Source: DMTF DSP0243, section "Environment document".
 */
import { SaxesParser } from "saxes";
import { Failure } from "../../lib/failure.ts";

const namespace = "http://schemas.dmtf.org/ovf/environment/1";
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** The user data in an OVF environment; undefined when the property is missing or empty. */
export function userDataOfOvf(xml: string): Uint8Array | undefined {
  let encoded: string | undefined;
  const parser = new SaxesParser({ xmlns: true, position: true });
  parser.on("error", ({ message }) => {
    const details = message.replace(/^\S*?(\d+):(\d+): /, "line $1, column $2: ");
    throw new Failure("bad-ovf-environment", `cannot read the OVF environment: ${details}`);
  });
  parser.on("opentag", ({ local, uri, attributes }) => {
    if (local !== "Property" || uri !== namespace) return;
    const values = Object.values(attributes);
    const attribute = (name: string): string | undefined =>
      values.find((entry) => entry.local === name && (entry.uri === namespace || entry.uri === ""))?.value;
    if (attribute("key") === "user-data") encoded = attribute("value");
  });
  parser.write(xml).close();
  const text = encoded?.replaceAll(/\s/g, "") ?? "";
  if (text === "") return undefined;
  if (!base64.test(text) || text.length % 4 !== 0) {
    throw new Failure("bad-ovf-environment", "cannot read the OVF environment: its property user-data is not base64");
  }
  return Buffer.from(text, "base64");
}
