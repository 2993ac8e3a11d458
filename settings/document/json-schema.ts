/**
 * JSON Schema for user data, for editors: completion, help and most mistakes before a host or `userdata check` sees the
 * file.
 *
 * It accepts whatever the model accepts. It cannot say what needs code: that a certificate can be read, that 110.0 is
 * no whole number, what one setting needs from another.
 */
import { z } from "zod";
import { defined } from "../../lib/defined.ts";
import { isJsonObject, type Json, type JsonObject } from "../../lib/text/json.ts";
import type { Model } from "../model/model.ts";
import type { SettingNode, Setting } from "../model/setting.ts";
import type { Type } from "../model/type.ts";

export function jsonSchemaOf(model: Model, variant: string): JsonObject {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `User data for ${variant}`,
    type: "object",
    properties: { settings: schemaOf(model.declaration, model.defaults) },
    // A document that sets nothing is fine; one that only has other tables is a mistake.
    anyOf: [{ required: ["settings"] }, { maxProperties: 0 }],
  };
}

function schemaOf(node: SettingNode, defaults: Json | undefined): JsonObject {
  switch (node.kind) {
    case "setting":
      return settingSchema(node, defaults);
    case "map":
      return {
        description: node.doc,
        type: "object",
        propertyNames: typeSchema(node.name),
        additionalProperties: schemaOf(node.entry, undefined),
      };
    case "table": {
      const inner = isJsonObject(defaults) ? defaults : {};
      const properties = Object.entries(node.children).map(([name, child]) => [name, schemaOf(child, inner[name])]);
      for (const [name, meant] of Object.entries(node.aliases ?? {})) {
        const child = node.children[meant];
        if (child === undefined) continue;
        const description = `Another name of ${meant}.`;
        properties.push([name, { ...schemaOf(child, undefined), description, deprecated: true }]);
      }
      return {
        description: node.doc,
        type: "object",
        properties: Object.fromEntries(properties),
        additionalProperties: false,
      };
    }
  }
}

function settingSchema(setting: Setting, variantDefault: Json | undefined): JsonObject {
  const standard = variantDefault ?? setting.default;
  return {
    description: `${setting.doc}\nMust be ${setting.type.words}.`,
    ...typeSchema(setting.type),
    ...defined({ default: standard }),
    ...(setting.example === undefined ? {} : { examples: [setting.example] }),
    ...(setting.inert === undefined ? {} : { deprecated: true }),
  };
}

/** zod's own, of what may be written rather than of what comes out. */
function typeSchema(type: Type): JsonObject {
  const { $schema: _, ...schema } = z.toJSONSchema(type.schema(), { io: "input", unrepresentable: "any" });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a JSON Schema is JSON
  return schema as JsonObject;
}
