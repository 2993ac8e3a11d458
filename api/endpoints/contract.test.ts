import { expect, test } from "bun:test";
import { z } from "zod";
import { endpoints } from "./contract.ts";
import { allows, roles, type Endpoint } from "./endpoint.ts";
import { openApiDocument } from "./openapi.ts";

const table = Object.entries<Endpoint>(endpoints);

test("no two endpoints have the same method and path", () => {
  const lines = table.map(([, { method, path }]) => `${method} ${path}`);
  expect(new Set(lines).size).toBe(lines.length);
});

test("a read-only certificate may call every GET that only answers, and nothing else", () => {
  for (const [name, { method, role, upgrade }] of table) {
    expect([name, allows("read-only", role)]).toEqual([name, method === "GET" && upgrade === undefined]);
  }
});

test("each role may do what the one below it may", () => {
  for (const needed of roles) {
    const held = roles.map((role) => allows(role, needed));
    expect(held).toEqual(held.toSorted((left, right) => Number(left) - Number(right)));
  }
  expect(allows("operator", "admin")).toBe(false);
});

test("every endpoint answers something", () => {
  for (const [, { answers, download, upgrade }] of table) {
    const ways = [...Object.keys(answers), download, upgrade];
    expect(ways.filter((way) => way !== undefined).length).toBeGreaterThan(0);
  }
});

test("query parameters are text on the wire", () => {
  for (const [, { query }] of table) {
    const wire = z.toJSONSchema(query, { io: "input" });
    for (const parameter of Object.values(wire.properties ?? {})) {
      expect(typeof parameter === "object" ? parameter.type : undefined).toBe("string");
    }
  }
});

test("the OpenAPI document has every endpoint, and every reference in it leads somewhere", () => {
  const document = openApiDocument("1.2.3");
  const text = JSON.stringify(document);
  for (const [name, { method, path }] of table) {
    expect(document["paths"]).toHaveProperty([path, method.toLowerCase(), "operationId"], name);
  }
  const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, pointer = ""]) => pointer.split("/"));
  expect(references.length).toBeGreaterThan(table.length);
  for (const pointer of references) expect(document).toHaveProperty(pointer);
});
