import { describe, expect, it } from "vitest";
import { layOutJson } from "./json-text";

describe("layOutJson", () => {
  it("puts a pipeline's stages on lines of their own", () => {
    const query =
      '{"collection":"orders","pipeline":[{"$match":{"status":"paid"}},{"$group":{"_id":"$city","total":{"$sum":"$amount"}}}]}';
    expect(layOutJson(query)).toBe(
      [
        "{",
        '  "collection": "orders",',
        '  "pipeline": [',
        '    { "$match": { "status": "paid" } },',
        '    { "$group": { "_id": "$city", "total": { "$sum": "$amount" } } }',
        "  ]",
        "}",
      ].join("\n"),
    );
  });

  it("changes no number and no string", () => {
    const query = '{"a":12345678901234567890,"b":1.10,"c":"x \\" {,} ","d":[]}';
    expect(layOutJson(query).replace(/\n\s*/g, " ")).toBe(
      '{ "a": 12345678901234567890, "b": 1.10, "c": "x \\" {,} ", "d": [] }',
    );
  });

  it("leaves what is no JSON as it is", () => {
    for (const text of ["SELECT 1", '{"a":', "[1,]", '{"a" 1}', "{} {}", '"open', ""])
      expect(layOutJson(text)).toBe(text);
    expect(layOutJson("[".repeat(5000))).toHaveLength(5000);
  });
});
