// Short names for the API's types; everything here comes from the generated schema.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type User = Schemas["User"];
export type Session = Schemas["Session"];
export type SetupRequest = Schemas["SetupRequest"];
export type Column = Schemas["Column"];
export type DataFile = Schemas["File"];
export type Uploaded = Schemas["Uploaded"];
export type ColumnPatch = Schemas["ColumnPatch"];
export type ColumnProfile = Schemas["ColumnProfile"];
export type ImportReport = Schemas["ImportReport"];
export type Connection = Schemas["Connection"];
export type ConnectionCreated = Schemas["ConnectionCreated"];
export type CatalogTable = Schemas["CatalogTable"];
export type Answer = Schemas["Answer"];
export type AnswerSource = Schemas["AnswerSource"];
export type Chart = Schemas["Chart"];
export type Finding = Schemas["Finding"];
export type QuerySummary = Schemas["QuerySummary"];
export type QueryRequest = Schemas["QueryRequest"];
export type RunRequest = Schemas["RunRequest"];
export type LlmTest = Schemas["LlmTest"];
export type Settings = Schemas["Settings"];

export type Outcome = Answer["outcome"];
export type Cell = unknown;
export type Row = Cell[];
