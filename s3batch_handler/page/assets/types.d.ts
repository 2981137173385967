// The documents of page/_document.py, and what the scripts use of uPlot, for a check of the scripts
// with TypeScript (tsc --checkJs --strict). A test compares the documents with those in Python.

type Origin = "aws" | "serve" | "run";
type ActionName = "confirm" | "cancel" | "priority" | "redrive";

interface JobDocument {
  version: 1;
  time: string;
  job: JobFacts;
  counts: Counts;
  history: StatusChange[];
  rate: Rate | null;
  rate_history: RateHistory | null;
  durations: Durations | null;
  threshold: Threshold | null;
  failures: Failures[];
  failed_tasks: FailedTasks | null;
  latest: TaskFacts[];
  slowest: TaskFacts[];
  workers: Workers | null;
  log: Log | null;
  configuration: Facts[];
  commands: Command[];
  live: Live | null;
}

interface JobFacts {
  id: string;
  origin: Origin | null;
  status: string | null;
  description: string | null;
  operation: string | null;
  function: string | null;
  priority: number | null;
  account_id: string | null;
  region: string | null;
  created: string | null;
  ended: string | null;
  reasons: FailureReason[];
  update_reason: string | null;
  redrive_of: string | null;
  tags: Record<string, string>;
  report: string | null;
}

interface FailureReason {
  code: string;
  reason: string;
}

interface Counts {
  total: number | null;
  succeeded: number;
  failed: number;
  waiting: number | null;
  running: number | null;
  pending: number | null;
}

interface StatusChange {
  status: string;
  time: string;
}

interface Rate {
  now: number | null;
  average: number | null;
  left: [number, number] | null;
  active_seconds: number | null;
}

interface RateHistory {
  seconds: number;
  succeeded: number[];
  failed: number[];
}

interface Durations {
  calls: number;
  average: number;
  p50: number;
  p90: number;
  p99: number;
  maximum: number;
  histogram: [number, number][];
}

interface Threshold {
  rule: string;
  tolerated: number | null;
}

interface Failures {
  code: string;
  message: string;
  count: number;
  examples: Example[];
}

interface Example {
  bucket: string;
  key: string;
  version_id: string | null;
  message: string;
}

interface FailedTasks {
  rows: TaskFacts[];
  total: number;
  searched: number;
  next: string | null;
}

interface TaskFacts {
  bucket: string;
  key: string;
  version_id: string | null;
  status: "succeeded" | "failed" | "waiting";
  code: string | null;
  http_status: number | null;
  message: string;
  seconds: number | null;
}

interface Workers {
  count: number;
  shown: Worker[];
}

interface Worker {
  name: string;
  bucket: string | null;
  key: string | null;
  seconds: number;
}

interface Log {
  lines: string[];
  location: string | null;
}

interface Facts {
  title: string;
  facts: [string, string][];
}

interface Command {
  title: string;
  command: string;
}

interface Live {
  token: string;
  actions: ActionName[];
}

interface ListDocument {
  version: 1;
  time: string;
  jobs: ListedJob[];
  matching: number;
  by_status: Record<string, number>;
  next: string | null;
}

interface ListedJob {
  id: string;
  origin: Origin;
  status: string;
  description: string | null;
  operation: string | null;
  function: string | null;
  priority: number | null;
  account_id: string | null;
  region: string | null;
  created: string | null;
  ended: string | null;
  total: number | null;
  succeeded: number;
  failed: number;
}

declare class uPlot {
  constructor(options: Record<string, any>, data: (number | null)[][], place: HTMLElement);
  static paths: Record<string, (options: Record<string, any>) => any>;
  root: HTMLElement;
  ctx: CanvasRenderingContext2D;
  bbox: { left: number; top: number; width: number; height: number };
  data: (number | null)[][];
  scales: Record<string, { min: number | null; max: number | null }>;
  cursor: { idx: number | null | undefined };
  setData(data: (number | null)[][]): void;
  setSize(size: { width: number; height: number }): void;
  redraw(rebuildPaths?: boolean): void;
  valToPos(value: number, scale: string, canvasPixels?: boolean): number;
}
