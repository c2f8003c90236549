/** What the pages and the files of the deployment name and the program does not have yet. Each entry fails once it does. */

/** To be emptied, line by line, as the parts come. */
export const notYet: {
  /** Commands of the program. */
  readonly commands: readonly string[];
  /** Options, with their command. */
  readonly options: readonly string[];
  /** Roles of `start`. */
  readonly roles: readonly string[];
  /** Settings, by name. */
  readonly settings: readonly string[];
} = {
  commands: [],
  options: [],
  roles: [],
  settings: [],
};
