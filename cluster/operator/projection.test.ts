/** Protects: what people see is true, and costs no more requests than what has become otherwise. */
import { expect, test } from "bun:test";
import { Cache } from "../../kubernetes/cache.ts";
import { KubernetesClient } from "../../kubernetes/client.ts";
import { MemoryApiServer } from "../../test/worlds/cluster/memory-api-server.ts";
import { fleetNode, fleetPolicy, report, snapshot } from "../../test/worlds/fleet/snapshots.ts";
import type { Snapshot } from "../roll-out/snapshot.ts";
import { fleetPolicies, nodeUpdates } from "./policy-object.ts";
import { Projection } from "./projection.ts";

const { signal } = new AbortController();

/** One that has just become the leader, and the NodeUpdates that it writes: "PATCH a". */
function newOperator(api: MemoryApiServer) {
  const writes: string[] = [];
  const { connection } = api.client;
  const client = new KubernetesClient({
    ...connection,
    async fetch(url, init) {
      const [, name] = /nodeupdates\/([^/]+)\/status$/.exec(url.pathname) ?? [];
      if (name !== undefined) writes.push(`${init.method} ${name}`);
      return await connection.fetch(url, init);
    },
  });
  const projection = new Projection(client, new Cache(client, fleetPolicies, { onFailure: () => undefined }));
  const show = async (seen: Snapshot): Promise<string[]> => {
    await projection.show([seen], signal);
    return writes.splice(0);
  };
  return show;
}

const names = ["a", "b", "c"];
const waiting = snapshot(names.map((name) => fleetNode(name)));
const messageOf = async (api: MemoryApiServer, name: string): Promise<unknown> =>
  (await api.client.get(nodeUpdates, { name }, signal))?.status["message"];

test("an operator that takes over writes only of nodes that have become otherwise", async () => {
  await using api = new MemoryApiServer();
  const first = newOperator(api);
  expect(await first(waiting)).toEqual(expect.arrayContaining(["PATCH a", "PATCH b", "PATCH c"]));
  expect(await first(waiting)).toEqual([]);

  const second = newOperator(api);
  expect(await second(waiting)).toEqual([]);

  const b = fleetNode("b", { report: { ...report, version: "1.1.0", state: "Idle", offers: [], staged: undefined } });
  const changed = snapshot(waiting.nodes.map((node) => (node.name === "b" ? b : node)));
  expect(await newOperator(api)(changed)).toEqual(["PATCH b"]);
  expect(await messageOf(api, "b")).toBe("runs 1.1.0, which is what it is to run");
});

test("what a person wrote there is put right, and a NodeUpdate that is new to a node is written", async () => {
  await using api = new MemoryApiServer();
  await newOperator(api)(waiting);
  const lie = { status: { message: "all is well" } };
  await api.client.patch(nodeUpdates, { name: "a", subresource: "status" }, lie, signal);
  expect(await newOperator(api)(waiting)).toEqual(["PATCH a"]);
  expect(await messageOf(api, "a")).not.toBe("all is well");
  const more = snapshot([...waiting.nodes, fleetNode("d")], { policy: fleetPolicy() });
  expect(await newOperator(api)(more)).toEqual(expect.arrayContaining(["PATCH d"]));
});
