import { expect, test } from "bun:test";
import { joinedNode } from "../../../test/worlds/host/joined-node.ts";
import { factsOf, settingsOf } from "../../../test/worlds/host/settings.ts";
import { configurationOf } from "./kubelet-config.ts";
import { nodeOf } from "./node.ts";

const variant = "metal-k8s-1.20";

function configured(kubernetes: Record<string, unknown>): Record<string, unknown> {
  const node = nodeOf(settingsOf(JSON.parse(JSON.stringify({ kubernetes })), variant), factsOf(variant));
  if (node === undefined) throw new Error("no kubelet is wanted");
  return configurationOf(node, factsOf(variant));
}

test("alone, kubelet knows no way of logging in, and answers on loopback", () => {
  const { authentication, address, readOnlyPort } = configured({ "standalone-mode": true });
  expect(authentication).toEqual({ anonymous: { enabled: false }, webhook: { enabled: false } });
  expect({ address, readOnlyPort }).toEqual({ address: "127.0.0.1", readOnlyPort: 0 });
});

test("in a cluster, the cluster says who may do what", () => {
  const { authentication, authorization } = configured(joinedNode);
  expect(authentication).toMatchObject({ anonymous: { enabled: false }, webhook: { enabled: true } });
  expect(authorization).toMatchObject({ mode: "Webhook" });
});
