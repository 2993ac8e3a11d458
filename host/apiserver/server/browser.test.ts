/** A page in the browser of an administrator must not command the host whose certificate the browser holds. */
import { expect, test } from "bun:test";
import { runningHost } from "../../../test/worlds/host/running-host.ts";

const change = JSON.stringify({ set: { motd: "changed by a page" } });
const curl = { "content-type": "application/x-www-form-urlencoded" };

test("a page changes nothing, whatever its request looks like, and other clients go on as before", async () => {
  await using host = await runningHost();
  const answer = async (path: string, method: string, headers: Record<string, string>, body?: string) => {
    const response = await fetch(`http://host${path}`, {
      unix: host.socket,
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    return `${response.status} ${await response.text()}`;
  };
  const refused = /^403 cannot .*: pages of browsers may only read/;
  const json = { "content-type": "application/json" };
  for (const page of [
    { origin: "https://evil.example", ...json },
    { origin: "null", ...json },
    { "sec-fetch-site": "cross-site", ...json },
    { "sec-fetch-site": "same-site", ...json },
    { "content-type": "text/plain" },
    { "content-type": "multipart/form-data; boundary=x" },
  ]) {
    expect(await answer("/changes", "POST", page, change)).toMatch(refused);
    expect(await answer("/settings", "PATCH", page, "{}")).toMatch(refused);
  }
  const origin = { origin: "https://evil.example" };
  expect(await answer("/actions/undo", "POST", origin)).toMatch(refused);
  expect(await answer("/tx", "DELETE", origin)).toMatch(refused);
  const websocket = { ...origin, connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
  expect(await answer("/exec", "GET", { ...websocket, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" })).toMatch(
    refused,
  );
  expect((await host.api.call("getHistory")).some(({ by }) => by.kind === "socket")).toBe(false);

  expect(await answer("/os", "GET", origin)).toStartWith("200 ");
  for (const client of [curl, json, {}, { "sec-fetch-site": "none", ...json }]) {
    expect(await answer("/changes", "POST", client, change)).toStartWith("200 ");
  }
});
