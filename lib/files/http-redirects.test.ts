import { expect, test } from "bun:test";
import { followingRedirects } from "./http-redirects.ts";

type Asked = { url: string; authorization: string | null };

/** Servers of the whole world: each URL leads where the map says, and all others answer. */
function world(leads: Readonly<Record<string, string>>, status = 302) {
  const asked: Asked[] = [];
  const fetch = followingRedirects(async (url, { headers, redirect }) => {
    expect(redirect).toBe("manual");
    asked.push({ url: url.href, authorization: new Headers(headers).get("authorization") });
    const location = leads[url.href];
    return await Promise.resolve(
      location === undefined ? new Response("there") : new Response("", { status, headers: { location } }),
    );
  });
  return { asked, fetch };
}

test("a redirect to an equal place is followed, without credentials when it is another server's", async () => {
  const { asked, fetch } = world({ "https://a.example/": "/b", "https://a.example/b": "https://b.example/c" });
  const answer = await fetch(new URL("https://a.example/"), { headers: { authorization: "Basic x" } });
  expect(await answer.text()).toBe("there");
  expect(asked).toEqual([
    { url: "https://a.example/", authorization: "Basic x" },
    { url: "https://a.example/b", authorization: "Basic x" },
    { url: "https://b.example/c", authorization: null },
  ]);
});

test("plain http may lead to https", async () => {
  const { fetch } = world({ "http://a.example/": "https://a.example/" });
  expect((await fetch(new URL("http://a.example/"), {})).status).toBe(200);
});

test.each([
  ["https://a.example/", "http://a.example/", "it leads from https to http"],
  ["https://a.example/", "file:///etc/passwd", "it leads from https to file"],
  ["http://a.example/", "ftp://a.example/", "it leads from http to ftp"],
  ["https://a.example/", "https://169.254.169.254/latest/", "this machine or its link"],
  ["https://a.example/", "https://2852039166/latest/", "this machine or its link"], // 169.254.169.254
  ["http://a.example/", "http://[::ffff:169.254.169.254]/", "this machine or its link"],
  ["http://a.example/", "http://[fd00:ec2::254]/", "this machine or its link"],
  ["http://a.example/", "http://localhost:10248/", "this machine or its link"],
  ["http://a.example/", "http://[::1]/", "this machine or its link"],
  ["https://a.example/", "https://a.example/", "it is the 6th in a row"],
])("a redirect of %s to %s is refused", async (from, to, reason) => {
  const { fetch } = world({ [from]: to });
  const refused = fetch(new URL(from), {});
  await expect(refused).rejects.toMatchObject({ code: "bad-redirect" });
  await expect(refused).rejects.toThrow(reason);
});

test("what changes something goes to nobody else, and who asks for the redirect itself gets it", async () => {
  const { asked, fetch } = world({ "https://a.example/": "https://b.example/" }, 307);
  await expect(fetch(new URL("https://a.example/"), { method: "POST" })).rejects.toThrow("a POST goes to nobody else");
  expect(asked).toHaveLength(1);
  expect((await fetch(new URL("https://a.example/"), { redirect: "manual" })).status).toBe(307);
});
