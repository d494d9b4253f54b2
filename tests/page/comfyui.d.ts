/** What ComfyUI serves beside the extensions, with the types that its frontend publishes. */

declare module "*/scripts/app.js" {
  export const app: import("@comfyorg/comfyui-frontend-types").ComfyApp;
}

declare module "*/scripts/api.js" {
  export const api: import("@comfyorg/comfyui-frontend-types").ComfyApi;
}

type Point = [number, number];

/** A graph or a subgraph, as far as the pack touches it. */
interface Graph {
  id: string;
  nodes: GraphNode[];
  inputs: { name: string; linkIds: number[] }[];
  add(node: GraphNode): void;
  getLink(id: number): Link | undefined;
  getNodeById(id: number | string): GraphNode | null;
  getNodeOnPos(x: number, y: number): GraphNode | null;
}

interface Link {
  origin_id: number | string;
  origin_slot: number;
  target_id: number | string;
  target_slot: number;
}

/** A node in a graph; `subgraph` is set if it stands for one. */
interface GraphNode {
  id: number | string;
  type: string;
  comfyClass?: string;
  title: string;
  mode: number;
  graph: Graph | null;
  subgraph?: Graph;
  pos: Point;
  size: Point;
  widgets?: Widget[];
  inputs: Slot[];
  outputs: Slot[];
  properties: Record<string, unknown>;
  badges?: (() => object)[];
  constructor: NodeType;
  addDOMWidget?(name: string, type: string, root: HTMLElement, options: object): Widget;
  addInput(name: string, type: string, extra: object): void;
  computeSize(): Point;
  connect(slot: number, target: GraphNode, input: number): void;
  removeInput(index: number): void;
  serialize(): { inputs: object[] };
  setDirtyCanvas(foreground: boolean, background: boolean): void;
  setSize(size: Point): void;
}

interface Slot {
  name: string;
  type: string;
  link?: number | null;
  widget?: { name: string };
  shape?: number;
  localized_name?: string;
  draw?: () => void;
}

interface Widget {
  name: string;
  type: string;
  value: unknown;
  options: WidgetOptions;
  hidden?: boolean;
  serialize?: boolean;
  element?: HTMLElement;
  linkedWidgets?: Widget[];
  callback?(value: unknown, canvas: unknown, node: GraphNode): void;
  computeSize?: (width: number) => Point;
  computeLayoutSize?: unknown;
  onRemove?(): void;
  /** Nodes 2.0's reactive copy. */
  _state?: { options?: WidgetOptions };
}

interface WidgetOptions {
  hidden?: boolean;
  max?: number;
  serialize?: boolean;
  values?: string[];
  getMinHeight?(): number;
  getOptionLabel?(id: string): string;
}

/** A widget that a subgraph's node shows, with those inside that it sets. */
interface PromotedWidget {
  outer: Widget;
  inner: { node: GraphNode; name: string }[];
}

interface NodeType {
  (): void;
  nodeData?: NodeDefinition;
}

interface NodeDefinition {
  name: string;
  input?: Record<"required" | "optional", Record<string, InputSpec> | undefined>;
  postProcessSearchScores?: (scores: number[]) => number[];
}

type InputSpec = [unknown, { default?: unknown; max?: number; options?: string[] }?];

/** A graph as ComfyUI sends it, by execution id. */
type Prompt = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

/** A row of `POST /venice/results/search`. */
interface SavedResult {
  id: string;
  kind: "image" | "text";
  model: string;
  prompt: string | null;
  text: string | null;
  images: number;
  width: number | null;
  height: number | null;
  seed: number | null;
  usd: number | null;
  time: number;
  service: string;
  was_shown: boolean;
  has_workflow: boolean;
}

/** The answer of `GET /venice/account`. */
interface Account {
  key: { is_set: boolean; is_sandbox: boolean; source: "environment" | "file" | null };
  key_url: string;
  balance_usd: number | null;
  balance_diem: number | null;
  limits: Record<string, number | boolean | null> | null;
  locked: string[];
  spent: Spent | null;
  rate_limit: { remaining: number; limit: number } | null;
  error?: string;
  warnings: string[];
  version: string;
  project_url: string;
  issues_url: string;
}

interface Spent {
  session: number;
  today: number;
  days_30: number;
  by_model: { model: string; usd: number; requests: number }[];
}

/** A model in the answer of `GET /venice/models`. */
interface Model {
  id: string;
  label: string;
  inputs: Record<string, boolean>;
  sees?: boolean;
  max_steps?: number;
  ratios?: string[];
  tiers?: string[];
  qualities?: string[];
}

interface Price {
  usd: number | null;
  to: number | null;
  is_free: boolean;
  is_known: boolean;
  is_bounded: boolean;
  text: string;
  hint: string;
}

type Level = "ok" | "ask" | "over" | "input";

/** A node in the answer of `POST /venice/preview`: venice_nodes/page/answer.py. */
interface NodePreview {
  price: Price;
  level: Level;
  sent?: string;
  warnings?: string[];
  error?: string | null;
  runs?: boolean;
}

interface TotalPreview extends Price {
  badge: string;
  level: Level;
  must_ask: boolean;
  over: { text: string } | null;
}
