/** JSON with positions, for documents that people write. A key that is given twice is an error here. */
import { parseTree, type Node } from "jsonc-parser";
import { nulCharacter, withoutByteOrderMark } from "./encoding.ts";
import { assert } from "../failure.ts";
import { isDeeperThan, jsonSyntaxError, maxJsonDepth } from "./json.ts";
import { Literal, type Written } from "./literal.ts";
import { positionsIn, type Places, type Position } from "./places.ts";
import type { ReadDocument } from "./toml.ts";

export function readJsonDocument(marked: string): ReadDocument {
  const text = withoutByteOrderMark(marked);
  const nul = nulCharacter(text);
  if (nul !== undefined) return { ok: false, error: nul };
  if (isDeeperThan(text, maxJsonDepth)) {
    return { ok: false, error: { line: 1, column: 1, message: `nested more than ${maxJsonDepth} levels deep` } };
  }
  const error = jsonSyntaxError(text);
  if (error !== undefined) return { ok: false, error };
  const tree = parseTree(text);
  assert(tree !== undefined, "a text without syntax errors has a tree");
  const position = positionsIn(text);
  const twice = repeated(tree);
  if (twice !== undefined) {
    return {
      ok: false,
      error: { ...position(twice.offset), message: `the key ${JSON.stringify(twice.value)} is given twice` },
    };
  }
  return { ok: true, value: written(tree, text), places: () => placesIn(tree, undefined, position) };
}

/** Pairs of the nodes for a key and its value. */
function properties(node: Node): [Node, Node][] {
  return (node.children ?? []).flatMap(({ children: [key, value] = [] }): [Node, Node][] =>
    key !== undefined && value !== undefined ? [[key, value]] : [],
  );
}

function repeated(node: Node): Node | undefined {
  if (node.type === "array") return firstOf(node.children ?? []);
  const seen = new Set<unknown>();
  for (const [key] of properties(node)) {
    if (seen.has(key.value)) return key;
    seen.add(key.value);
  }
  return firstOf(properties(node).map(([, value]) => value));
}

function firstOf(nodes: readonly Node[]): Node | undefined {
  for (const node of nodes) {
    const repeatedKey = repeated(node);
    if (repeatedKey !== undefined) return repeatedKey;
  }
  return undefined;
}

function written(node: Node, text: string): Written {
  switch (node.type) {
    case "object":
      return Object.fromEntries(properties(node).map(([key, value]) => [String(key.value), written(value, text)]));
    case "array":
      return (node.children ?? []).map((child) => written(child, text));
    case "number":
      return numberOf(text.slice(node.offset, node.offset + node.length));
    case "boolean":
      return node.value === true;
    case "string":
      return String(node.value);
    default:
      return null;
  }
}

function numberOf(source: string): Written {
  const number = Number(source);
  if (/[.eE]/.test(source)) return Number.isInteger(number) ? new Literal(source, number) : number;
  return Number.isSafeInteger(number) ? number : new Literal(source);
}

function placesIn(node: Node, name: Position | undefined, position: (offset: number) => Position): Places {
  const inner = new Map<string, Places>();
  if (node.type === "object") {
    for (const [key, value] of properties(node)) {
      inner.set(String(key.value), placesIn(value, position(key.offset), position));
    }
  }
  if (node.type === "array") {
    for (const [index, child] of (node.children ?? []).entries()) {
      inner.set(String(index), placesIn(child, position(child.offset), position));
    }
  }
  return { name, value: position(node.offset), inner };
}
