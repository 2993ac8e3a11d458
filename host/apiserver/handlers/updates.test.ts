import { expect, test } from "bun:test";
import { runningHost } from "../../../test/worlds/host/running-host.ts";

test("a host whose image trusts no repository says so, and has no bug", async () => {
  await using host = await runningHost();
  const url = "https://updates.example.com/";
  await host.api.call("changeSettings", {
    body: { set: { updates: { "metadata-base-url": url, "targets-base-url": url } } },
  });
  await expect(host.api.call("explainUpdates")).rejects.toMatchObject({ status: 409, code: "bad-root" });
});
