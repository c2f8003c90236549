/**
 * The program dies at each of its named steps, once or twice, and is started again: nothing is missing, nothing is
 * there that should not be, nothing is doubled. On real servers, and on scripted ones that lack what a server may lack.
 * Here the steps of a download; those of an append are in a file of their own, so that both run at once.
 */
import { describeDeaths } from './dying-at-steps.ts';

describeDeaths(['after-login', 'mid-retr', 'before-register', 'after-register', 'before-quit']);
