/** The models of settings of every variant, and of minors of Kubernetes that have no variant yet. */
import { modelFor, type Model } from "../../../settings/model/model.ts";
import type { Minor } from "../../../settings/model/setting.ts";
import { variantNamed, variants } from "../../../variants/all.ts";
import { awsK8s } from "../../../variants/aws-k8s.ts";
import { metalK8s } from "../../../variants/metal-k8s.ts";

export const everyVariant = [...variants.values()];

const models = new Map<string, Model>();

/** Made once for each variant. */
export function modelNamed(variant: string): Model {
  const model = models.get(variant) ?? modelFor(variantNamed(variant));
  models.set(variant, model);
  return model;
}

export const awsModel = (minor: Minor): Model => modelFor(awsK8s(minor));
export const metalModel = (minor: Minor): Model => modelFor(metalK8s(minor));
