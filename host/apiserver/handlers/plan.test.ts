import { expect, test } from "bun:test";
import { runningHost } from "../../../test/worlds/host/running-host.ts";

const password = "hunter2-planted-4711";

test("a plan shows what is in files when it is asked for, of those that everybody may read, and no secret", async () => {
  await using host = await runningHost();
  const plan = async (pairs: string[], files: boolean) => {
    const { reconcilers } = await host.api.call("plan", { query: { files }, body: { pairs } });
    return reconcilers.flatMap(({ effects }) => effects.flatMap(({ file }) => (file === undefined ? [] : [file])));
  };
  const motd = ["motd=Welcome aboard"];
  expect(await plan(motd, true)).toEqual([
    { path: "/etc/motd", change: "modify", text: { before: "Welcome to Orlop!\n", after: "Welcome aboard\n" } },
  ]);
  expect(await plan(motd, false)).toEqual([{ path: "/etc/motd", change: "modify" }]);

  // Proposed, it is in no settings yet that the host could know it from.
  const proxied = await plan([`network.https-proxy=http://deck:${password}@proxy.example.com:3128`], true);
  expect(proxied.length).toBeGreaterThan(0);
  expect(JSON.stringify(proxied)).not.toContain(password);

  expect(proxied.some(({ text }) => text === undefined)).toBe(true);

  // A file that everybody may read may still say what is secret.
  const proxy = `http://deck:${password}@proxy.example.com:3128`;
  await host.api.call("changeSettings", {
    query: { wait: true },
    body: { set: { network: { "https-proxy": proxy } } },
  });
  const [file] = await plan([`motd=the proxy wants ${password}`], true);
  expect(file?.text?.after).toBe("the proxy wants (secret)\n");
});
