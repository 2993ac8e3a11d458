/**
 * The OVF environment, in which vSphere hands properties to a guest.
 *
 * `<Property oe:key="user-data" oe:value="…"/>` carries base64, `guestinfo.userdata` what `guestinfo.userdata.encoding`
 * says, as the descriptor that `./orlop publish ova` writes asks for it. Source: DMTF DSP0243, section "Environment document".
 */
import { SaxesParser } from "saxes";
import { Failure } from "../../lib/failure.ts";
import { decode, decodeBase64, guestinfoVariable } from "./guestinfo-encoding.ts";

const namespace = "http://schemas.dmtf.org/ovf/environment/1";

/** The user data in an OVF environment; undefined when the property is missing or empty. */
export function userDataOfOvf(xml: string): Uint8Array | undefined {
  const properties = propertiesOf(xml);
  const value = properties.get("user-data")?.trim() ?? "";
  if (value === "") return ofGuestinfo(properties);
  const bytes = decodeBase64(value);
  if (bytes !== undefined) return bytes;
  throw new Failure("bad-ovf-environment", "cannot read the OVF environment: its property user-data is not base64");
}

function ofGuestinfo(properties: ReadonlyMap<string, string>): Uint8Array | undefined {
  const value = properties.get(guestinfoVariable) ?? "";
  return value === "" ? undefined : decode(value, properties.get(`${guestinfoVariable}.encoding`) ?? "base64");
}

/** Properties by key. */
function propertiesOf(xml: string): Map<string, string> {
  const properties = new Map<string, string>();
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
    const [key, value] = [attribute("key"), attribute("value")];
    if (key !== undefined && value !== undefined) properties.set(key, value);
  });
  parser.write(xml).close();
  return properties;
}
