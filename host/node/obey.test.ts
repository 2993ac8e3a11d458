import { expect, test } from "bun:test";
import { later, minuteMs, nodePod, now } from "../../test/worlds/fleet/snapshots.ts";
import { obey, type HostNode, type HostState } from "./obey.ts";

const self: HostState = {
  boot: "boot-1",
  version: "1.0.0",
  onTrial: false,
  staged: "1.1.0",
  fallback: undefined,
  mayTake: ["1.1.0"],
};
const order = {
  id: "o",
  boot: "boot-1",
  do: "reboot-into",
  version: "1.1.0",
  until: later(minuteMs),
  by: "workers",
  claim: 3,
} as const;
const node: HostNode = { unschedulable: true, claim: 3, over: 2, order, accepted: undefined, pods: [] };

test("a reboot is accepted first, then made", () => {
  expect(obey(self, node, now)).toEqual({ kind: "accept", order });
  expect(obey(self, { ...node, accepted: "o" }, now)).toEqual({ kind: "reboot", order });
  expect(obey(self, { ...node, accepted: "o" }, later(2 * minuteMs))).toEqual({ kind: "reboot", order });
});

test("nothing is obeyed that is for another boot, done, or not there", () => {
  expect(obey(self, { ...node, order: undefined }, now).kind).toBe("rest");
  expect(obey({ ...self, boot: "boot-2" }, { ...node, accepted: "o" }, now).kind).toBe("rest");
  expect(obey({ ...self, version: "1.1.0" }, node, now).kind).toBe("rest");
});

test("whatever has become wrong since refuses it, also after it was accepted", () => {
  const pods = [nodePod("web-1"), nodePod("log", { owner: { kind: "DaemonSet", uid: "ds" } })];
  const cases: [Partial<HostState>, Partial<HostNode>, string][] = [
    [{}, { unschedulable: false }, "the node is not cordoned"],
    [{}, { claim: 4 }, "the node is not claimed for this order"],
    [{}, { over: 3 }, "the node is not claimed for this order"],
    [{}, { pods }, "1 pods are left, such as default/web-1"],
    [{ staged: undefined }, {}, "1.1.0 is ordered, and the other set has nothing that may boot"],
    [{ staged: "1.2.0" }, {}, "1.1.0 is ordered, and the other set has 1.2.0"],
    [{ onTrial: true }, {}, "1.0.0 has not proved healthy yet"],
  ];
  for (const [ofSelf, ofNode, reason] of cases) {
    for (const accepted of [undefined, "o"]) {
      const answer = obey({ ...self, ...ofSelf }, { ...node, ...ofNode, accepted }, now);
      expect(answer).toEqual({ kind: "refuse", order, reason });
    }
  }
});

test("an order that is late is not accepted any more", () => {
  expect(obey(self, node, later(2 * minuteMs))).toMatchObject({
    kind: "refuse",
    reason: expect.stringContaining("void since"),
  });
});

test("a host goes back only to what proved healthy once", () => {
  const back = { ...order, do: "go-back", version: "1.0.0" } as const;
  const running = { ...self, version: "1.1.0", staged: undefined };
  expect(obey(running, { ...node, order: back }, now).kind).toBe("refuse");
  expect(obey({ ...running, fallback: "1.0.0" }, { ...node, order: back }, now)).toEqual({
    kind: "accept",
    order: back,
  });
});

test("to prepare, a host needs no claim, but an offer", () => {
  const prepares = { ...order, do: "prepare" } as const;
  const free = { ...node, unschedulable: false, claim: 0, order: prepares };
  expect(obey({ ...self, staged: undefined }, free, now)).toEqual({ kind: "prepare", order: prepares });
  expect(obey(self, free, now).kind).toBe("rest");
  expect(obey({ ...self, staged: undefined, mayTake: [] }, free, now)).toMatchObject({ kind: "refuse" });
});
