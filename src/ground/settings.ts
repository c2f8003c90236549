/** The settings: one schema for validation and types. config/default.yaml holds every default and what it means. */
import * as z from 'zod';
import { boardSettings } from './settings-board.ts';
import { connectionsSchema } from './settings-connections.ts';
import { logShape } from './settings-logs.ts';
import { notifyShape } from './settings-notify.ts';
import { oauthSchema } from './settings-oauth.ts';
import { rulesSchema } from './settings-rules.ts';
import { schedulesSchema } from './settings-schedules.ts';
import { visitorSettings } from './settings-visitors.ts';

const ms = z
  .number()
  .int()
  .min(0)
  .max(7 * 24 * 3600 * 1000);
const wait = z
  .number()
  .int()
  .min(1)
  .max(7 * 24 * 3600 * 1000);
const count = z.number().int().min(1).max(10_000_000);
const text = z.string().min(1).nullable();
const bytes = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER);

const limit = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const wholeLimit = limit.int();
const hostBudget = z
  .strictObject({
    connections: wholeLimit,
    connectionsPerAccount: wholeLimit,
    loginsPerSecond: limit,
    messagesPerSecond: limit,
    messagesPerSecondPerAccount: limit,
    bytesPerSecond: limit,
    downloadBytesPerDay: wholeLimit,
    uploadBytesPerDay: wholeLimit,
  })
  .partial();

/** Every setting, none optional: the defaults stand in config/default.yaml alone. */
export const settingsSchema = z.strictObject({
  dataDir: z.string().min(1).nullable(),
  redis: z.string().min(1).nullable(),
  redisUser: text,
  redisPassword: text,
  redisTls: z.boolean(),
  redisTlsCaFile: text,
  redisTlsCertFile: text,
  redisTlsKeyFile: text,
  redisSentinels: z.array(z.string().min(1)).max(50),
  redisSentinelName: text,
  redisSentinelUser: text,
  redisSentinelPassword: text,
  redisSentinelTls: z.boolean(),
  redisStartTimeoutMs: wait,
  redisLostAfterMs: wait,
  logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']),
  ...logShape,
  defaults: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  providersFile: text,
  sealKeyFile: z.string().min(1).nullable(),
  oauth: oauthSchema,
  oauthRefreshEarlyMs: ms,
  oauthTimeoutMs: wait.max(600_000),
  oauthAnswerMaxBytes: bytes,
  oauthAuthorizeTimeoutMs: wait,
  listSettleMs: wait,
  accountsPollMs: wait,
  accountsReadBatch: count.max(100_000),
  schedules: schedulesSchema,
  runsMax: count.max(100_000),
  longRunsMax: count.max(100_000),
  longRunMs: wait,
  priorityAgeMs: wait,
  planGapMs: wait.max(60_000),
  popSessions: count.max(1000),
  imapSessions: count.max(1000),
  sessionMaxMs: wait,
  sessionMaxBytes: bytes,
  budgets: z.strictObject({ default: hostBudget.default({}), hosts: z.record(z.string(), hostBudget).default({}) }),
  budgetDayMs: wait.min(1000),
  fairShareMs: wait,
  syncWaitMaxMs: wait,
  hintWaitMaxMs: wait,
  hintTries: count.max(1000),
  adaptiveRaiseMs: wait,
  adaptiveSlowFactor: z.number().min(1.5).max(1000),
  connections: connectionsSchema,
  popConnectTimeoutMs: wait,
  popLoginTimeoutMs: wait,
  popCapaTimeoutMs: wait,
  popCommandTimeoutMs: wait,
  popReadTimeoutMs: wait,
  popSlowestBytesPerSecond: z.number().int().min(0).max(1_000_000_000),
  popPipelineCommands: count.max(10_000),
  popPipelineMaxBytes: bytes,
  popStatusLineMaxBytes: bytes,
  popListingMaxMessages: count,
  popListingMaxBytes: bytes,
  popUidlMaxBytes: bytes,
  popScramMaxIterations: count.max(10_000_000),
  popNudgeMaxMessages: z.number().int().min(0).max(10_000_000),
  popProbe: z.boolean(),
  popProbeWaitMs: wait,
  popNoopMs: wait,
  popHoldMs: wait,
  spoolMaxBytes: bytes,
  spooledHeadersMaxBytes: bytes,
  batchMaxMessages: count.max(1000),
  batchMaxBytes: bytes,
  spoolLostAfterMs: wait,
  imapConnectTimeoutMs: wait,
  imapLoginTimeoutMs: wait,
  imapCommandTimeoutMs: wait,
  imapWriteTimeoutMs: wait,
  imapLineMaxBytes: bytes,
  literalSyncBytes: bytes,
  appendMaxMessages: count.max(1000),
  appendMaxBytes: bytes,
  appendPipelineCommands: count.max(1000),
  appendConnectionsPerAccount: count.max(50),
  appendIdleMs: wait,
  quotaRecheckMs: wait.min(100),
  inDoubtWaitsMs: z.array(ms).min(1).max(20),
  refusalWaitsMs: z.array(ms).max(20),
  refusalsInARow: count,
  repairs: z.array(z.enum(['mbox-from', 'nul', 'line-ends', 'separator', 'header-8bit', 'final-crlf'])).max(6),
  leaseMs: wait.min(1000),
  stopWithinMs: wait,
  retryWaitsMs: z.array(ms).max(20),
  credentialTries: count.max(10),
  reconcileMs: wait,
  checkTlsDays: z.number().int().min(0).max(3650),
  estimateMessagesPerSecond: limit.min(0.001),
  estimateBytesPerSecond: limit.min(1),
  headerMaxBytes: bytes,
  registrySubjects: z.boolean(),
  reportMessagesMax: count,
  placement: z.enum(['sent', 'inbox']),
  rules: rulesSchema,
  rulesTextMaxLength: count,
  rulesMailboxesMax: count.max(100_000),
  seen: z.enum(['first-run', 'all', 'none', 'older-than', 'status']),
  seenOlderThanDays: z.number().int().min(1).max(36_500),
  flagsFromHeaders: z.boolean(),
  dates: z.enum(['received', 'date', 'none']),
  dedupe: z.enum(['confirmed', 'message-id', 'content', 'off']),
  dedupeScope: z.enum(['mailbox', 'destination']),
  discoverTimeoutMs: wait.max(600_000),
  discoverAtOnce: count.max(1000),
  discoverMaxBytes: bytes.max(16_777_216),
  discoverRedirects: z.number().int().min(0).max(20),
  discoverCandidates: count.max(100),
  discoverIspdbUrl: z.url({ protocol: /^https$/ }).nullable(),
  discoverDnsServers: z
    .array(z.union([z.ipv4(), z.ipv6(), z.string().regex(/^(?:[0-9.]{7,15}|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$/)]))
    .max(20),
  listen: z
    .string()
    .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:[\]]+):[0-9]{1,5}$/, 'must be HOST:PORT')
    .refine((text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65535, 'the port must be at most 65535'),
  dashboardPort: z.number().int().min(0).max(65535).nullable(),
  apiMaxBytes: bytes,
  apiImportMaxBytes: bytes,
  apiPageAccounts: count.max(10_000),
  apiFailuresPerMinute: count,
  apiTimeoutMs: wait,
  apiTasksAtOnce: count.max(100),
  apiTasksKept: count.max(10_000),
  apiTasksKeptMs: wait,
  apiTasksMaxBytes: bytes,
  apiTaskLines: count.max(10_000),
  apiExportsAtOnce: count.max(100),
  apiExportMaxBytes: bytes,
  apiExportMaxMs: wait,
  runWaitMs: wait,
  metricsMs: ms,
  metricsTimeoutMs: wait,
  ...boardSettings,
  rollCallMs: wait.min(100),
  schedulerLateMs: wait,
  steeringPollMs: wait.min(50),
  pauseGraceMs: ms,
  auditMaxEntries: count,
  auditFileMaxBytes: bytes,
  ...notifyShape,
  ...visitorSettings,
  progressMs: wait,
  progressLogMs: wait,
});

/** The validated settings, read-only. */
export type Settings = Readonly<z.infer<typeof settingsSchema>>;

/** Settings that are maps of maps: what is given adds to what is there, name by name; others are replaced as a whole. */
export const mergedSettings: readonly (keyof Settings)[] = [
  'schedules',
  'budgets',
  'connections',
  'oauth',
  'rules',
  'notifications',
];
