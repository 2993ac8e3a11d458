/** Which nodes a pod asks for. A static pod has its node, but kubelet checks it all. Source: pkg/apis/core/validation. */
import { labelValue } from "../values/kubernetes-names.ts";
import { isAtLeast, type Minor } from "../model/setting.ts";
import { isSet, objectsIn, shown } from "./object-types.ts";
import { notEmpty, type ObjectRule } from "./object-rules.ts";

/** Terms that a node must meet; what would only be better may have any values. */
export const requiredNodes = (minor: Minor): ObjectRule =>
  function* (object, at, known) {
    yield* notEmpty("nodeSelectorTerms")(object, at, known);
    if (!isAtLeast(minor, "1.34")) return;
    for (const [term, index] of objectsIn(object, "nodeSelectorTerms")) {
      for (const [requirement, inner] of objectsIn(term, "matchExpressions")) {
        const { values } = requirement;
        for (const [place, value] of Array.isArray(values) ? values.entries() : []) {
          if (labelValue.schema().safeParse(value ?? "").success) continue;
          const where = [...at, "nodeSelectorTerms", index, "matchExpressions", inner, "values", place];
          yield { at: where, message: `must be ${labelValue.words}, not ${shown(value)}` };
        }
      }
    }
  };

export const toleration: ObjectRule = function* (object, at) {
  const { key, operator, effect, value } = object;
  if ((!isSet(object, "key") || key === "") && operator !== "Exists") {
    yield { at: [...at, "operator"], message: "must be Exists because key is empty" };
  }
  if (operator === "Exists" && typeof value === "string" && value !== "") {
    yield { at: [...at, "value"], message: "must be empty because operator is Exists" };
  }
  if (isSet(object, "tolerationSeconds") && effect !== "NoExecute") {
    yield { at: [...at, "effect"], message: "must be NoExecute because tolerationSeconds is set" };
  }
};

export const selection: ObjectRule = function* (object, at) {
  const { operator, values } = object;
  const count = Array.isArray(values) ? values.length : 0;
  if ((operator === "In" || operator === "NotIn") && count === 0) {
    yield { at: [...at, "values"], message: `must be set because operator is ${operator}` };
  }
  if ((operator === "Exists" || operator === "DoesNotExist") && count > 0) {
    yield { at: [...at, "values"], message: `must not be set because operator is ${operator}` };
  }
  if ((operator === "Gt" || operator === "Lt") && count !== 1) {
    yield { at: [...at, "values"], message: `must have one value because operator is ${operator}` };
  }
};
