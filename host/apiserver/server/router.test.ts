import { expect, test } from "bun:test";
import fc from "fast-check";
import { isFailure } from "../../../lib/failure.ts";
import { remoteCaller, socketCaller } from "../callers/caller.ts";
import { statusOf } from "./reply.ts";
import { checkRole, routeOf } from "./router.ts";

function refusal(work: () => unknown): { code: string; message: string; hint: string | undefined; status: number } {
  try {
    work();
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { code: error.code, message: error.message, hint: error.hint, status: statusOf(error) };
  }
  throw new Error("it was not refused");
}

test("a request is found by method and path, its query by name", () => {
  const { name, query } = routeOf("GET", "/settings?keys=settings.motd,settings.ntp");
  expect(name).toBe("getSettings");
  expect(query).toEqual({ keys: ["settings.motd", "settings.ntp"] });
});

test("percent signs and plus signs in a query are decoded as forms have them", () => {
  expect(routeOf("GET", "/settings?prefix=settings.a%22b+c%22").query).toEqual({ prefix: 'settings.a"b c"' });
});

test("a path that does not exist is 404 and says what was meant", () => {
  expect(refusal(() => routeOf("GET", "/setings"))).toMatchObject({ status: 404, hint: "did you mean /settings?" });
});

test("a method that a path does not take is 405 and says which it takes", () => {
  const { status, message } = refusal(() => routeOf("PUT", "/settings"));
  expect(status).toBe(405);
  expect(message).toBe("cannot PUT /settings: it takes GET, PATCH, DELETE");
});

test("an unknown parameter is refused, since ignoring `tyr=60` would change settings for good", () => {
  expect(refusal(() => routeOf("POST", "/tx/commit_and_apply?tyr=60"))).toMatchObject({
    status: 400,
    hint: "it takes tx, message, wait, try",
  });
});

test("a parameter that is nearly right is named", () => {
  expect(refusal(() => routeOf("GET", "/settings?key=settings.motd")).hint).toBe("did you mean keys?");
});

test("empty, repeated, missing and badly encoded parameters are 400 and named", () => {
  const cases: [string, string, string][] = [
    ["GET", "/settings?keys=", "keys must not be empty"],
    ["GET", "/settings?prefix", "prefix must not be empty"],
    ["GET", "/settings?prefix=a&prefix=b", "prefix is given twice"],
    ["GET", "/metadata/affected-services", "it needs keys=…"],
    ["GET", "/settings?prefix=%zz", "percent-encoded"],
    ["GET", "/settings?prefix=%ff", "percent-encoded"],
    ["POST", "/tx/commit?tx=../etc", "tx must be 1 to 128 of"],
    ["GET", "/settings?__proto__=1", 'no parameter "__proto__"'],
  ];
  for (const [method, target, words] of cases) {
    const { status, message } = refusal(() => routeOf(method, target));
    expect([target, status]).toEqual([target, 400]);
    expect(message).toContain(words);
  }
});

test("a target that is too long is 414", () => {
  expect(refusal(() => routeOf("GET", `/settings?prefix=${"a".repeat(10_000)}`)).status).toBe(414);
});

test("whatever the target is, it is routed or refused with a status of the client's fault", () => {
  fc.assert(
    fc.property(fc.constantFrom("GET", "POST", "PATCH", "DELETE", "PUT", "BREW"), fc.string(), (method, text) => {
      for (const target of [text, `/${text}`, `/settings?${text}`, `/history?limit=${text}`]) {
        try {
          routeOf(method, target);
        } catch (error) {
          expect([400, 404, 405, 414]).toContain(statusOf(error));
        }
      }
    }),
  );
});

test("a workload that was given the socket may use it when settings say so at this moment", () => {
  let may = false;
  const pod = socketCaller({ uid: 0, pid: 7 }, { kind: "workload" }, () => (may ? "admin" : undefined));
  const get = routeOf("GET", "/settings");
  expect(refusal(() => checkRole(pod, get)).message).toContain("a container of the orchestrator has no role");
  may = true;
  checkRole(pod, get);
});

test("the host's side of the socket may do everything, a certificate what its role allows at this moment", () => {
  const reboot = routeOf("POST", "/actions/reboot");
  const patch = routeOf("PATCH", "/settings");
  checkRole(socketCaller({ uid: 1000, pid: 7 }), patch);

  const roles = new Map<string, "read-only" | "operator">([["alice", "read-only"]]);
  const alice = remoteCaller("alice", (subject) => roles.get(subject));
  checkRole(alice, routeOf("GET", "/settings"));
  expect(refusal(() => checkRole(alice, reboot)).status).toBe(403);
  roles.set("alice", "operator");
  checkRole(alice, reboot);
  expect(refusal(() => checkRole(alice, patch)).message).toContain("needs the role admin");
  roles.clear();
  expect(refusal(() => checkRole(alice, routeOf("GET", "/os"))).status).toBe(403);
});
