/**
 * The names of all keys in Redis, in one place. Everything of one account shares the hash tag `{account key}`, and
 * everything of one destination login the tag `{destination key}`, so that scripts touch one slot only.
 */
const prefix = 'mh';

/** Keys of one account; `account` is its key (32 hexadecimal digits). */
export const accountKeys = {
  /** Hash: id, group and settings of the account as the scheduler sees it. */
  run: (account: string) => `${prefix}:{${account}}:run`,
  /** Hash: mailbox → messages appended in the run. */
  runMailboxes: (account: string) => `${prefix}:{${account}}:run:mailboxes`,
  /** List: JSON of each run that has ended, the newest first; bounded. */
  runHistory: (account: string) => `${prefix}:{${account}}:runs`,
  /** Hash: error code → JSON of the problems of the run. */
  problems: (account: string) => `${prefix}:{${account}}:run:problems`,
  /** Hash: how many records the ledger has, and the account's counters. */
  ledger: (account: string) => `${prefix}:{${account}}:ledger`,
  /** Strings of packed records, `ledgerPageRecords` each. */
  ledgerPage: (account: string, page: number | string) => `${prefix}:{${account}}:ledger:${page}`,
  /** Hash: mailbox path → its number in the records of the ledger. */
  mailboxes: (account: string) => `${prefix}:{${account}}:mailboxes`,
  /** Sorted set: the batches of one spool, in the order of their registration. */
  batches: (account: string, spool: string) => `${prefix}:{${account}}:batches:${spool}`,
  /** Hash: spool → number of its registered batches. */
  spools: (account: string) => `${prefix}:{${account}}:spools`,
  /** Hash: spool → queued, active or failed; a spool that is missing has no append session. */
  appendSessions: (account: string) => `${prefix}:{${account}}:append-sessions`,
  /** Hash: message key → why it is owed: it was listed, could not be taken, and must be accounted for. */
  owed: (account: string) => `${prefix}:{${account}}:owed`,
  /** Hash: message key → JSON of how sessions broke off at it. */
  breakers: (account: string) => `${prefix}:{${account}}:breakers`,
  /** Hash: one batch: bytes, messages, left, keys. */
  batch: (account: string, batch: string) => `${prefix}:{${account}}:batch:${batch}`,
  /** Bit string: which messages of a batch are settled. */
  batchDone: (account: string, batch: string) => `${prefix}:{${account}}:batch:${batch}:done`,
  /** String: the token that may append and settle for this account. */
  fence: (account: string) => `${prefix}:{${account}}:fence`,
  /** Hash: command id → JSON of an APPEND whose closing bytes may have been sent. */
  intents: (account: string) => `${prefix}:{${account}}:intents`,
  /** Hash: when the account ran and runs: the fields of `ScheduleState`. */
  schedule: (account: string) => `${prefix}:{${account}}:schedule`,
  /** Hash: message key → JSON of why it was refused. */
  refusals: (account: string) => `${prefix}:{${account}}:refusals`,
  /** Hash: message key → JSON of what a repaired message was and is: one for each message that was repaired. */
  repairs: (account: string) => `${prefix}:{${account}}:repairs`,
  /** Hash: message key → how often a refused message was tried before it was made pending again. */
  triedBefore: (account: string) => `${prefix}:{${account}}:tried-before`,
  /** Hash: message key → JSON of a refusal that was accepted: code, text, by, at, reason. */
  acceptances: (account: string) => `${prefix}:{${account}}:acceptances`,
  /** Hash: source or destination → JSON of until when it waits, and why. */
  waits: (account: string) => `${prefix}:{${account}}:waits`,
};

/** Keys of one login at one server; `login` is its digest (32 hexadecimal digits). */
export const loginKeys = {
  /** String with a time to live: the token of the session that uses this login. */
  lease: (login: string) => `${prefix}:{${login}}:lease`,
  /** Hash with a time to live: mark of a secret → how often the server refused this login with it. */
  refusedLogins: (login: string) => `${prefix}:{${login}}:refused-logins`,
  /** String with a time to live: the server asked not to be logged in to before this time. */
  notBefore: (login: string) => `${prefix}:{${login}}:not-before`,
  /** Hash: messages → when its bucket is free again. */
  rates: (login: string) => `${prefix}:{${login}}:rates`,
  /** Hash: number of a bucket of time → bytes that this login moved in it. */
  dayBytes: (login: string) => `${prefix}:{${login}}:day-bytes`,
  /** Hash: the index of one mailbox: uidValidity, uidNext, shards, generation, count. */
  index: (login: string, mailbox: string) => `${prefix}:{${login}}:index:${mailbox}`,
  /** String: the kind of fingerprints of the index that counts for a mailbox, where it is not the usual one. */
  indexKind: (login: string, mailbox: string) => `${prefix}:{${login}}:index-kind:${mailbox}`,
  /** String of packed records: one shard of the index of a mailbox. */
  indexShard: (login: string, mailbox: string, generation: number, shard: number) =>
    `${prefix}:{${login}}:index:${mailbox}:${generation}:${shard}`,
};

/** Keys of one user's tokens at one provider; `identity` is the digest of both (32 hexadecimal digits). */
export const tokenKeys = {
  /** String, sealed: the tokens. Ends with them where they can be had without a person. */
  tokens: (identity: string) => `${prefix}:{${identity}}:tokens`,
  /** String with a time to live: the random token of the process that renews them. */
  lock: (identity: string) => `${prefix}:{${identity}}:tokens-lock`,
};

/** Keys of one host, whatever its ports; `host` is its name in lower case. */
export const hostKeys = {
  /** Sorted set: token of each connection → when it lapses unless it is renewed. */
  connections: (host: string) => `${prefix}:{host:${host}}:connections`,
  /** Sorted set: the same of one login. */
  loginConnections: (host: string, login: string) => `${prefix}:{host:${host}}:connections:${login}`,
  /** Sorted set: logins that wait for a connection → since when. */
  waiting: (host: string) => `${prefix}:{host:${host}}:waiting`,
  /** Sorted set: logins that wait for a connection → when they were told to come back. */
  waitingUntil: (host: string) => `${prefix}:{host:${host}}:waiting-until`,
  /** Hash: logins, messages, bytes → when its bucket is free again. */
  rates: (host: string) => `${prefix}:{host:${host}}:rates`,
  /** Hash: what was learned about how many connections the host bears. */
  adaptive: (host: string) => `${prefix}:{host:${host}}:adaptive`,
};

/** Keys that belong to no account. */
export const globalKeys = {
  /** String: the version of all data under these names (see ledger/version.ts). */
  version: `${prefix}:version`,
  /** String with a time to live: the token of the process that migrates the data. */
  migration: `${prefix}:migration`,
  /** Sorted set: `VERSION:TOKEN` of each process at work → when its word lapses, in milliseconds since 1970. */
  processes: `${prefix}:processes`,
  /** What every key of Mailhaul looks like, those of BullMQ apart. */
  pattern: `${prefix}:*`,
  /** String with a time to live: a host that gets one command at a time. */
  oneAtATime: (host: string, port: number) => `${prefix}:one-at-a-time:${host}:${port}`,
  /** String with a time to live: a host that hangs or hangs up at CAPA. */
  withoutCapa: (host: string, port: number) => `${prefix}:without-capa:${host}:${port}`,
  /** String with a time to live: an append worker serves this spool. */
  spoolServed: (spool: string) => `${prefix}:spool:{${spool}}:served`,
  /** String: when an append worker was last known to serve this spool, in milliseconds since 1970. */
  spoolSeen: (spool: string) => `${prefix}:spool:{${spool}}:seen`,
  /** Channel on which account keys are called out when something happened to them. */
  bell: `${prefix}:bell`,
  /** Hash: account key → JSON of an imported account, its passwords sealed. */
  accounts: `${prefix}:{accounts}:list`,
  /** Hash: `version`, another with every change of the accounts, and `check`, a sealed value that tells the right key. */
  accountsState: `${prefix}:{accounts}:state`,
  /** Channel on which the new version is called out when the accounts have changed. */
  accountsChanged: `${prefix}:accounts-changed`,
  /** Set: keys of accounts whose run a person asked for. */
  asked: `${prefix}:asked`,
  /** What is called out on the bell when the scheduler has something to plan. */
  planBell: 'plan',
  /** What the lease of the scheduler is named after, as that of a login is after its digest. */
  scheduler: 'scheduler',
  /** Hash: all, group:NAME or account:KEY → JSON of the pause. */
  paused: `${prefix}:{steering}:paused`,
  /** String: a random token that changes with every change of what is paused. */
  pausedVersion: `${prefix}:{steering}:version`,
  /** Channel on which that token is called out. */
  steering: `${prefix}:steering`,
  /** Stream: who steered what, when; bounded. */
  audit: `${prefix}:audit`,
  /** Hash: id of a process → JSON of what it does and when it last said so. */
  rollCall: `${prefix}:roll-call`,
  /** Hash: error code|host → how many sessions ended so. */
  sessionFailures: `${prefix}:session-failures`,
  /** Stream: what is to be told, bounded. */
  outbox: `${prefix}:{notify}:outbox`,
  /** String: how many events were ever put there. */
  outboxNumber: `${prefix}:{notify}:number`,
  /** Hash: account key → the run that was told last, and why it needed a person. */
  outboxTold: `${prefix}:{notify}:told`,
  /** Hash: state|group → runs that ended so since that group was last told to be finished; `state` alone for all together. */
  outboxEnded: `${prefix}:{notify}:ended`,
  /** String with a time to live: that this host's budget is used up has been told. */
  outboxSpent: (side: string, host: string, group: string) => `${prefix}:{notify}:spent:${side}:${host}:${group}`,
  /** Hash: name of a target → JSON of how far it has been told. */
  outboxTargets: `${prefix}:{notify}:targets`,
  /** What the lease of the notifier is named after. */
  notifier: 'notifier',
  /** String with a time to live: JSON of a login to the dashboard; `mark` is the SHA-256 of what its cookie holds. */
  login: (mark: string) => `${prefix}:{logins}:${mark}`,
  /** Sorted set: the marks of all logins of a role → when they end at the latest, in milliseconds since 1970. */
  logins: (role: string) => `${prefix}:{logins}:all:${role}`,
  /** Stream: what was appended in each step of time, under the time at which the step began; bounded. */
  throughput: `${prefix}:throughput`,
  /** The prefix of BullMQ's keys. */
  queues: `${prefix}-queue`,
};
