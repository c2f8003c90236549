/** The program dies at each step of an append; see steps.test.ts. */
import { describeDeaths } from './dying-at-steps.ts';

describeDeaths(['after-intent', 'after-closing', 'after-ok', 'after-record', 'before-unlink']);
