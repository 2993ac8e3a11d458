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

test("parts of the settings are those of the whole as it is now, whoever asked for them before", async () => {
  await using host = await runningHost();
  const { api } = host;
  const ask = async (query: { keys?: string[]; prefix?: string }) => await api.call("getSettings", { query });
  for (const motd of ["one", "two"]) {
    await api.call("patchSettings", { body: { motd } });
    await api.commitAndWait({});
    // More than are kept, twice.
    for (let time = 0; time < 2; time++) {
      for (let prefix = 0; prefix <= 20; prefix++) expect(await ask({ prefix: `settings.x${prefix}` })).toEqual({});
      const whole = await ask({});
      expect(await ask({ keys: ["settings.motd"] })).toEqual({ motd });
      expect(await ask({ prefix: "motd" })).toEqual({ motd });
      expect(await ask({ keys: ["settings.motd", "settings.ntp"] })).toEqual({ motd, ntp: whole["ntp"] ?? null });
    }
  }
});
