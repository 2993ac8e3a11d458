/** Protects: whatever is on the ESP, no verb takes the running set's entry away, and each does what it says or nothing. */
import { expect, test } from "bun:test";
import { isFailure } from "../../../lib/failure.ts";
import { arrangements, storageWith, type Arrangement } from "../../../test/worlds/update/boot-arrangements.ts";
import { loaderEntries } from "../../../test/simulator/media/loader.ts";
import type { SimulatedStorage } from "../../../test/simulator/media/storage.ts";
import { kernelPath, otherSet, willBoot, type BootEntry, type SetName } from "./boot-entry.ts";
import { Signpost } from "./signpost.ts";

type After = {
  before: Arrangement;
  active: BootEntry | undefined;
  inactive: BootEntry | undefined;
  starts: SetName | undefined;
};
type Verb = {
  act: (signpost: Signpost) => Promise<void>;
  /** Whether it must be possible. */
  makesSense: (active: BootEntry | undefined, inactive: BootEntry | undefined) => boolean;
  /** What holds when it went well. */
  holds: (after: After) => void;
};

const isTrying = (entry: BootEntry | undefined): boolean =>
  entry?.standing.kind === "trying" && entry.standing.left > 0;

const verbs: Record<string, Verb> = {
  "mark-successful-boot": {
    act: async (signpost) => await signpost.markSuccessfulBoot(),
    makesSense: (active) => active !== undefined,
    holds: ({ active }) => expect(active?.standing).toEqual({ kind: "successful" }),
  },
  "clear-inactive": {
    act: async (signpost) => await signpost.clearInactive(),
    makesSense: () => true,
    holds: ({ before, inactive, starts }) => {
      expect(inactive).toBeUndefined();
      expect(starts).not.toBe(otherSet(before.active));
    },
  },
  "mark-inactive-valid": {
    act: async (signpost) => await signpost.markInactiveValid("2.0.0", 2),
    makesSense: (active) => active !== undefined,
    holds: ({ before, active, inactive, starts }) => {
      expect(inactive).toMatchObject({ version: "2.0.0", standing: { kind: "staged", tries: 2 } });
      expect(inactive?.priority).toBeGreaterThan(active?.priority ?? 0);
      expect(starts).not.toBe(otherSet(before.active));
    },
  },
  "upgrade-to-inactive": {
    act: async (signpost) => await signpost.upgradeToInactive(),
    makesSense: (_active, inactive) => inactive?.standing.kind === "staged",
    holds: ({ inactive }) => expect(inactive?.standing).toMatchObject({ kind: "trying", done: 0 }),
  },
  "cancel-upgrade": {
    act: async (signpost) => await signpost.cancelUpgrade(),
    makesSense: (_active, inactive) => isTrying(inactive),
    holds: ({ before, inactive, starts }) => {
      expect(inactive?.standing.kind).toBe("staged");
      expect(starts).not.toBe(otherSet(before.active));
    },
  },
  "rollback-to-inactive": {
    act: async (signpost) => await signpost.rollbackToInactive(),
    makesSense: (active, inactive) => active !== undefined && inactive !== undefined && willBoot(inactive),
    holds: ({ before, starts }) => expect(starts).toBe(otherSet(before.active)),
  },
  "return-try": {
    act: async (signpost) => await signpost.returnTry(),
    makesSense: (active) => active !== undefined,
    holds: ({ before, active }) => {
      const { standing } = before.entries[before.active] ?? {};
      if (standing?.kind !== "trying" || standing.done === 0) expect(active?.standing).toEqual(standing);
      else expect(active?.standing).toEqual({ kind: "trying", left: standing.left + 1, done: standing.done });
    },
  },
};

const namesOf = (storage: SimulatedStorage): string[] => storage.namesIn("/efi/loader/entries").toSorted();

for (const [name, { act, makesSense, holds }] of Object.entries(verbs)) {
  test(`${name} does in every arrangement what it says, or refuses and changes nothing`, async () => {
    let done = 0;
    let refused = 0;
    for (const before of arrangements()) {
      const storage = storageWith(before);
      const signpost = new Signpost(storage, "/efi", before.active);
      const names = namesOf(storage);
      const [mine, inactive] = [before.entries[before.active], before.entries[otherSet(before.active)]];
      let failure: unknown;
      try {
        await act(signpost);
      } catch (error) {
        failure = error;
      }
      expect({ before, possible: failure === undefined }).toEqual({ before, possible: makesSense(mine, inactive) });
      const { entries } = await signpost.read();
      const active = entries[before.active];
      if (failure === undefined) {
        const [first] = loaderEntries(storage, "/efi");
        const starts = (["a", "b"] as const).find((set) => kernelPath(set) === first?.kernel);
        holds({ before, active, inactive: entries[otherSet(before.active)], starts });
        done++;
      } else {
        expect(isFailure(failure)).toBe(true);
        expect(namesOf(storage)).toEqual(names);
        refused++;
      }
      // The set that runs boots as before, or better.
      expect(active === undefined).toBe(mine === undefined);
      if (mine !== undefined && active !== undefined && willBoot(mine)) expect(willBoot(active)).toBe(true);
    }
    expect(done + refused).toBe(1014);
    expect(done).toBeGreaterThan(0);
  });
}
