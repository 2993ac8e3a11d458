/**
 * Protects: whoever looks at the page of a cluster while a roll-out goes on sees it go node by node, sees what each part took when
 * it is done, and when a version fails, by which sentence the fleet is halted and what lets it go on.
 */
import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeFleet } from "../../test/worlds/cluster/fake-fleet.ts";
import { MemoryApiServer } from "../../test/worlds/cluster/memory-api-server.ts";
import { writePlainKubeconfig } from "../../test/worlds/cluster/plain-kubeconfig.ts";
import { openFleetPage } from "../../test/worlds/console/fleet-page.ts";
import { testMs } from "../../test/worlds/console/page-driver.ts";
import { Operator } from "../operator/operator.ts";
import { fleetPolicies } from "../operator/policy-object.ts";

test(
  "a roll-out is seen to go, to be done, and to halt",
  async () => {
    await using opened = new AsyncDisposableStack();
    const stop = new AbortController();
    const directory = await mkdtemp(join(tmpdir(), "roll-out-"));
    opened.defer(async () => await rm(directory, { recursive: true }));
    const api = opened.use(new MemoryApiServer());
    const { client } = api;
    const kubeconfig = join(directory, "kubeconfig");
    await writePlainKubeconfig(kubeconfig, client.connection.server);
    const spec = { nodeSelector: { fleet: "fake" }, maxUnavailable: 1, soak: { seconds: 1 } };
    await client.create(fleetPolicies, { name: "web", content: { metadata: { name: "web" }, spec } }, stop.signal);
    const fleet = opened.use(await FakeFleet.start(client, { count: 3, version: "1.0.0" }));
    const [first = "", second = ""] = fleet.names;
    await api.addHeldPod({ name: "web-1", namespace: "shop", node: first, budget: "web" }, stop.signal);
    const options = { client, fetch, identity: "pod", namespace: "default", self: undefined, log: () => undefined };
    const running = new Operator(options).run(stop.signal).catch(() => undefined);
    opened.defer(async () => {
      stop.abort();
      await running;
    });
    const { driver } = opened.use(await openFleetPage(kubeconfig, stop.signal));
    await driver.shows(/web.*3 of 3 nodes run what they are to run/s);

    await fleet.publish({ version: "1.1.0" });
    await driver.shows(new RegExp(`going.*${first} waits for 1 pod to leave.*0 of 3 nodes.*1 under work`, "s"));
    await driver.follow(`node/${first}`);
    await driver.shows(/1\.0\.0 → 1\.1\.0.*StepDraining.*shop\/web-1.*disruption budget web/s);
    api.budgets.delete("web-1");
    await driver.openView("");
    await driver.shows(/up to date.*3 of 3 nodes run what they are to run/s);
    await driver.openView("history");
    await driver.shows(new RegExp(`Reboot, until it is proved3.*Whole update3.*${first}✓ Updated`, "s"));

    await fleet.publish({ version: "1.2.0", badOn: [first] });
    await driver.openView("");
    await driver.shows(
      new RegExp(
        `halted.*${first} failed with 1\\.2\\.0: .*not healthy after 120 s: containerd.service failed.*to let it go on: kubectl annotate fleetpolicy web --overwrite fleet\\.orlop\\.dev/resume=`,
        "s",
      ),
    );
    await driver.follow(`node/${first}`);
    await driver.shows(/keeps away from 1\.2\.0, which failed here.*Failed 1\.2\.0 failed here/s);
    await driver.follow(`node/${second}`);
    await driver.shows(new RegExp(`${second} waits: the roll-out is halted since ${first} failed`));
    expect(fleet.countOf("1.1.0")).toBe(3);
    expect([...driver.complaints, ...fleet.violations]).toEqual([]);
  },
  testMs,
);
