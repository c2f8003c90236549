/** A profile of V8 (`node --cpu-prof`) as a tree of functions of our sources and of packages, through the maps of the build. */
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './statistics.ts';

/** The part of a .cpuprofile that is needed; times in microseconds, lines and columns from 0. */
export interface RawProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: RawFrame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A function as V8 names it. */
export interface RawFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** A function on a stack, with the time of all stacks that it stands on at this place. */
export interface Frame {
  readonly name: string;
  /** `src/pop3/framing.ts`, `bullmq`, `node:net`; empty for what V8 does itself. */
  readonly place: string;
  /** Microseconds in which it was at work itself. */
  self: number;
  /** With what it called. */
  total: number;
  readonly children: Frame[];
}

/**
 * A sample counts for at most so many usual ones: V8 goes by the clock on the wall, and a process that waits for a processor
 * or a disk between two samples works no more than others.
 */
const longest = 2;

/** Reads the text of a profile. Idle time is left out; the root's `total` is the time that was sampled. */
export function readProfile(text: string, root: string): Frame {
  const raw = JSON.parse(text) as RawProfile;
  const places = new Places(root);
  const self = new Map<number, number>();
  const most = longest * median(raw.timeDeltas);
  for (const [index, id] of raw.samples.entries()) {
    self.set(id, (self.get(id) ?? 0) + Math.min(Math.max(0, raw.timeDeltas[index] ?? 0), most));
  }
  const nodes = new Map(raw.nodes.map((node) => [node.id, node]));
  const frameOf = (id: number): Frame[] => {
    const { callFrame, children = [] } = nodes.get(id)!;
    if (callFrame.functionName === '(idle)') return [];
    const frame: Frame = {
      name: callFrame.functionName || '(anonymous)',
      place: places.of(callFrame),
      self: self.get(id) ?? 0,
      total: 0,
      children: children.flatMap(frameOf),
    };
    frame.total = frame.children.reduce((sum, child) => sum + child.total, frame.self);
    return [frame];
  };
  return frameOf(raw.nodes[0]!.id)[0]!;
}

/** The profiles of several threads as one; the places of each stay apart. */
export function beside(threads: readonly Frame[]): Frame {
  const [only] = threads;
  if (threads.length === 1 && only) return only;
  const total = threads.reduce((sum, thread) => sum + thread.total, 0);
  return { name: '(threads)', place: '', self: 0, total, children: [...threads] };
}

/** Where the functions of a profile come from. */
class Places {
  readonly #root: string;
  readonly #maps = new Map<string, SourceMap | undefined>();

  constructor(root: string) {
    this.#root = resolve(root);
  }

  of({ url, lineNumber, columnNumber }: RawFrame): string {
    if (url === '' || url.startsWith('node:')) return url;
    const path = url.startsWith('file:') ? fileURLToPath(url) : url;
    const entry = this.#map(path)?.findEntry(lineNumber, columnNumber);
    // What stands before everything that has a source is the body of a part, which runs when it is loaded.
    const source = entry && 'originalSource' in entry ? entry.originalSource : undefined;
    return source === undefined ? `dist/${basename(path)}` : placeOf(source);
  }

  #map(path: string): SourceMap | undefined {
    if (!this.#maps.has(path)) {
      const beside = `${path}.map`;
      const known = path.startsWith(this.#root) && existsSync(beside);
      this.#maps.set(path, known ? new SourceMap(JSON.parse(readFileSync(beside, 'utf8'))) : undefined);
    }
    return this.#maps.get(path);
  }
}

/** A package by its name, and our own files by their path in the tree. */
export function placeOf(source: string): string {
  const within = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)(?!.*\/node_modules\/)/.exec(source)?.[1];
  return within ?? source.replace(/^(?:\.\.?\/)+/, '');
}
