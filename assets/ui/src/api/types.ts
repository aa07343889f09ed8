// Short names for the API's types; everything here comes from the generated schema.
import type { components } from "./schema";

export type Schemas = components["schemas"];

export type User = Schemas["UserBody"];
export type Role = Schemas["Role"];
export type Session = Schemas["LoginResponse"];
export type SetupRequest = Schemas["SetupRequest"];
export type Column = Schemas["ColumnInfo"];
export type DataFile = Schemas["FileBody"];
export type Uploaded = Schemas["UploadResponse"];
export type ColumnPatch = Schemas["ColumnOverride"];
export type ColumnProfile = Schemas["ColumnProfile"];
export type ImportReport = Schemas["Report"];
export type Kind = Schemas["Kind"];
export type Connection = Schemas["ConnectionBody"];
export type ConnectionCreated = Schemas["ConnectionKey"];
export type Agent = Schemas["AgentBody"];
export type Policy = Schemas["PolicySummary"];
export type RunningQuery = Schemas["RunningQueryBody"];
export type ConnectionTest = Schemas["ConnectionTest"];
export type CatalogTable = Schemas["Table"];
/** Cells may hold any JSON value, which the document cannot say. */
export type Answer = Omit<Schemas["AnswerBody"], "rows" | "data"> & { rows: Row[] };
export type AnswerSource = Schemas["AnswerSource"];
export type Chart = Schemas["Chart"];
/** Cells may hold any JSON value, which the document cannot say. */
export type Analysis = Omit<Schemas["Analysis"], "rows"> & { rows: Row[] };
export type AnalysisMethod = Schemas["Method"];
export type Finding = Schemas["Finding"];
export type QuerySummary = Schemas["AnswerSummary"];
export type QueryRequest = Schemas["AskRequest"];
export type RunRequest = Schemas["RunRequest"];
export type Settings = Schemas["Settings"];

export type Outcome = Answer["outcome"];
export type Cell = unknown;
export type Row = Cell[];
