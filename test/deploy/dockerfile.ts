/** The Dockerfile, by its stages. */
import { readFileSync } from 'node:fs';

/** One instruction of a stage: `COPY`, and the rest of the line. */
export interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** A stage, with the image or stage that it is made from. */
export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** The stages in their order. */
export function readDockerfile(path = 'Dockerfile'): Stage[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const stages: { name: string; from: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const at = line.indexOf(' ');
    const [name, rest] = [line.slice(0, at), line.slice(at + 1)];
    const [, from, as] = name === 'FROM' ? (/^(\S+) AS (\S+)$/.exec(rest) ?? []) : [];
    if (from !== undefined && as !== undefined) stages.push({ name: as, from, instructions: [] });
    else stages.at(-1)?.instructions.push({ name, rest });
  }
  return stages;
}

/** What a stage copies from the build context: sources, and where they go. */
export function copies(stage: Stage): { sources: string[]; to: string }[] {
  return stage.instructions
    .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
    .map(({ rest }) => {
      const words = rest.split(' ');
      return { sources: words.slice(0, -1), to: words.at(-1)! };
    });
}

/** True when `.dockerignore` lets a path of the checkout into the build; later lines win. */
export function reachesBuild(path: string, ignoreFile = '.dockerignore'): boolean {
  const rules = readFileSync(ignoreFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  let reaches = true;
  for (const rule of rules) {
    const bare = rule.replace(/^!/, '');
    if (bare === '*' || path === bare || path.startsWith(`${bare}/`)) reaches = rule.startsWith('!');
  }
  return reaches;
}
