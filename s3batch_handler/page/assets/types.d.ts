// The documents of page/_document.py, and what the scripts use of uPlot, for a check of the scripts
// with TypeScript (tsc --checkJs --strict).

interface StatusChange {
  status: string;
  time: string;
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

interface FailedTasks {
  rows: TaskFacts[];
  total: number;
  searched: number;
  next: string | null;
}

interface Failures {
  code: string;
  message: string;
  count: number;
  examples: { bucket: string; key: string; version_id: string | null; message: string }[];
}

type ActionName = "confirm" | "cancel" | "priority" | "redrive";
type Origin = "aws" | "serve" | "run";

interface JobDocument {
  version: 1;
  time: string;
  job: {
    id: string;
    origin: Origin;
    status: string | null;
    description: string | null;
    operation: string | null;
    function: string | null;
    priority: number | null;
    account_id: string | null;
    region: string | null;
    created: string | null;
    ended: string | null;
    reasons: { code: string; reason: string }[];
    update_reason: string | null;
    redrive_of: string | null;
    tags: Record<string, string>;
    report: string | null;
  };
  counts: {
    total: number | null;
    succeeded: number;
    failed: number;
    waiting: number | null;
    running: number | null;
    pending: number | null;
  };
  history: StatusChange[];
  rate: {
    now: number | null;
    average: number | null;
    left: [number, number] | null;
    active_seconds: number | null;
  } | null;
  rate_history: { seconds: number; succeeded: number[]; failed: number[] } | null;
  durations: {
    calls: number;
    average: number;
    p50: number;
    p90: number;
    p99: number;
    maximum: number;
    histogram: [number, number][];
  } | null;
  threshold: { rule: string; tolerated: number | null } | null;
  failures: Failures[];
  failed_tasks: FailedTasks | null;
  latest: TaskFacts[];
  slowest: TaskFacts[];
  workers: {
    count: number;
    shown: { name: string; bucket: string | null; key: string | null; seconds: number }[];
  } | null;
  log: { lines: string[]; location: string | null } | null;
  configuration: { title: string; facts: [string, string][] }[];
  commands: { title: string; command: string }[];
  live: { token: string; actions: ActionName[] } | null;
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

interface ListDocument {
  version: 1;
  time: string;
  jobs: ListedJob[];
  matching: number;
  by_status: Record<string, number>;
  next: string | null;
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
