import { expect, test } from "bun:test";
import { runningHost } from "../../../test/worlds/host/running-host.ts";

test("the whole model is that of the settings as they are now, however often it is asked for", async () => {
  await using host = await runningHost();
  const { api } = host;
  const whole = async () => await api.call("getModel", { query: {} });
  const parts = async () => {
    const prefixes = ["settings.", "services.", "configuration-files.", "os."];
    const answers = await Promise.all(
      prefixes.map(async (prefix) => await api.call("getModel", { query: { prefix } })),
    );
    return Object.assign({}, ...answers);
  };
  for (const motd of ["one", "two", "one"]) {
    await api.call("patchSettings", { body: { motd } });
    await api.commitAndWait({});
    for (let time = 0; time < 3; time++) expect(await whole()).toEqual(await parts());
    expect((await whole()).settings).toMatchObject({ motd });
  }
});
