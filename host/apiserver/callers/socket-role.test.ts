/** A container that is not superpowered becomes root of the host by one request, unless its role keeps it from that. */
import { expect, test } from "bun:test";
import { settingsOf } from "../../../test/worlds/host/settings.ts";
import { Refused } from "../../../api/client/refused.ts";
import { describeAuthor, socketCaller } from "./caller.ts";
import { originIn } from "./origin.ts";
import { checkRole, routeOf } from "../server/router.ts";
import { socketRole } from "./socket-role.ts";

const settings = settingsOf({
  "host-containers": {
    agent: { api: "read-only" },
    keeper: { api: "operator" },
    alone: { api: "none" },
    tool: { source: "example.com/tool:v1" },
  },
});
const requests = {
  read: routeOf("GET", "/settings"),
  reboot: routeOf("POST", "/actions/reboot"),
  change: routeOf("PATCH", "/settings"),
};

/** Which requests are answered when they come from a process in this control group, and how the history calls it. */
function outcome(cgroup: string): { may: string[]; author: string } {
  const caller = socketCaller({ uid: 0, pid: 7 }, originIn(`0::${cgroup}\n`), (origin) => socketRole(settings, origin));
  const may = Object.entries(requests).flatMap(([name, route]) => {
    try {
      checkRole(caller, route);
      return [name];
    } catch (error) {
      expect(error).toBeInstanceOf(Refused);
      return [];
    }
  });
  return { may, author: describeAuthor(caller.author) };
}

const container = (id: string): string => `/host.slice/host-containers.slice/orlop-${id}.scope`;
const everything = ["read", "reboot", "change"];

test.each([
  ["agent", ["read"]],
  ["keeper", ["read", "reboot"]],
  ["alone", []],
  ["tool", everything],
  ["admin", everything],
  ["control", everything],
  ["boot.disk", everything],
  ["health.web", []],
  ["gone", []],
  ["constructor", []],
])("the container %s may %p, and is the author of what it does", (id, may) => {
  expect(outcome(container(id))).toEqual({ may, author: `container ${id}, uid 0 (pid 7)` });
});

test("the host itself may do everything, and nobody else", () => {
  expect(outcome("/system.slice/hostd.service")).toEqual({ may: everything, author: "uid 0 (pid 7)" });
  expect(outcome("/kubepods.slice/pod.scope").may).toEqual([]);
  expect(outcome("/host.slice/host-containers.slice/run-u12.service").may).toEqual([]);
});
