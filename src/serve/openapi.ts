/**
 * What `rbnet serve` offers programs, as an OpenAPI document: for clients that are generated, and for tests that try everything that it
 * allows.
 */
import { BATCH_LIMIT } from "./classify-request.js";

/** Media types of the pictures that are read; the body's bytes say what it is, and another type is no fault. */
const PICTURE_TYPES = ["image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/tiff"];

const reference = (name: string): object => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: object): object => ({ "application/json": { schema } });
const failure = (description: string): object => ({ description, content: json(reference("Failure")) });

const SCHEMAS = {
  Prediction: {
    type: "object",
    required: ["label", "score"],
    additionalProperties: false,
    properties: {
      label: { type: "string" },
      score: { type: "number", minimum: 0, maximum: 1, description: "softmax probability" },
    },
  },
  Predictions: { type: "array", items: reference("Prediction"), description: "the most likely labels, best first" },
  Answer: {
    type: "object",
    required: ["predictions", "milliseconds"],
    additionalProperties: false,
    properties: { predictions: reference("Predictions"), milliseconds: { type: "number", minimum: 0 } },
  },
  Answers: {
    type: "object",
    required: ["results", "milliseconds"],
    additionalProperties: false,
    properties: {
      results: {
        type: "array",
        description: "one for each image, in their order; an image that cannot be read has an error instead of predictions",
        items: {
          oneOf: [
            {
              type: "object",
              required: ["name", "predictions"],
              additionalProperties: false,
              properties: { name: { type: "string" }, predictions: reference("Predictions") },
            },
            {
              type: "object",
              required: ["name", "error"],
              additionalProperties: false,
              properties: { name: { type: "string" }, error: { type: "string" } },
            },
          ],
        },
      },
      milliseconds: { type: "number", minimum: 0 },
    },
  },
  Health: {
    type: "object",
    required: ["status", "model", "classes", "version"],
    additionalProperties: false,
    properties: {
      status: { const: "ok" },
      model: { type: "string" },
      classes: { type: "integer", minimum: 1 },
      version: { type: "string", description: "of rbnet" },
    },
  },
  Failure: {
    type: "object",
    required: ["error"],
    additionalProperties: false,
    properties: { error: { type: "string", description: "what was found, what was expected, what to do" } },
  },
  Base64: { type: "string", format: "base64-image", description: "bytes of an image file in base64, also as a data: address" },
} as const;

/** OpenAPI 3.1. `version`: of rbnet. */
export function openApiDocument(version: string): object {
  const picture = { schema: { type: "string", format: "binary", description: "bytes of an image file" } };
  const file = { type: "string", format: "binary" };
  return {
    openapi: "3.1.0",
    info: { title: "rbnet serve", version, description: "A 1-bit image classifier: images in, labels with scores out." },
    // Wherever this document is: below the path that a proxy puts before it.
    servers: [{ url: "." }],
    paths: {
      "/classify": {
        post: {
          operationId: "classify",
          summary: "What the model sees in one image, or in several",
          parameters: [
            {
              name: "top",
              in: "query",
              required: false,
              description: "labels to name for each image",
              schema: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER, default: 5 },
            },
          ],
          requestBody: {
            required: true,
            content: {
              ...Object.fromEntries(PICTURE_TYPES.map((type) => [type, picture])),
              "multipart/form-data": {
                schema: {
                  type: "object",
                  required: ["image"],
                  properties: { image: { type: "array", minItems: 1, maxItems: BATCH_LIMIT, items: file } },
                },
              },
              ...json({
                oneOf: [
                  {
                    type: "object",
                    required: ["image"],
                    additionalProperties: false,
                    properties: { image: reference("Base64") },
                  },
                  {
                    type: "object",
                    required: ["images"],
                    additionalProperties: false,
                    properties: { images: { type: "array", minItems: 1, maxItems: BATCH_LIMIT, items: reference("Base64") } },
                  },
                ],
              }),
            },
          },
          responses: {
            200: {
              description: "predictions for one image, or results where several were sent",
              content: json({ oneOf: [reference("Answer"), reference("Answers")] }),
            },
            400: failure("the request, or its only image, cannot be read"),
            403: failure("the server does not answer to this name"),
            413: failure("the body is too large"),
            503: failure("too many requests are being answered; try again in a moment"),
          },
        },
      },
      "/healthz": {
        get: {
          operationId: "health",
          summary: "Whether the server answers",
          responses: {
            200: { description: "it does", content: json(reference("Health")) },
            403: failure("the server does not answer to this name"),
          },
        },
      },
    },
    components: { schemas: SCHEMAS },
  };
}
