import { expect, it } from 'vitest';
import { headerFields } from '../../src/message/header.ts';
import { isMarkedSpam } from '../../src/message/spam.ts';

it.each([
  ['X-Spam-Flag: YES', true],
  ['X-Spam-Flag: NO', false],
  ['X-Spam-Status: Yes, score=7.4 required=5.0 tests=BAYES_99', true],
  ['X-Spam-Status: No, score=-1.0 required=5.0', false],
  ['X-Spam: Yes', true],
  ['X-Spam: Not detected', false],
  ['X-Bogosity: Spam, tests=bogofilter, spamicity=0.99', true],
  ['X-Bogosity: Ham, tests=bogofilter, spamicity=0.00', false],
  ['X-Bogosity: Unsure, tests=bogofilter', false],
  ['X-DSPAM-Result: Spam', true],
  ['X-DSPAM-Result: Innocent', false],
  ['X-MS-Exchange-Organization-SCL: 5', true],
  ['X-MS-Exchange-Organization-SCL: 9', true],
  ['X-MS-Exchange-Organization-SCL: 4', false],
  ['X-MS-Exchange-Organization-SCL: -1', false],
  ['X-Forefront-Antispam-Report: CIP:1.2.3.4;CTRY:US;LANG:en;SCL:5;SRV:;IPV:NLI;SFV:SPM;H:x;', true],
  ['X-Forefront-Antispam-Report: CIP:1.2.3.4;SCL:1;SFV:NSPM;', false],
  ['X-Forefront-Antispam-Report: CIP:1.2.3.4;SCL:6;SFV:NSPM', true],
  ['X-Forefront-Antispam-Report: SCL:-1;SFV:SKN', false],
  ['X-Spam-Level: *', false],
  ['Subject: Yes', false],
])('%s: %s', (line, expected) => {
  expect(isMarkedSpam(headerFields(Buffer.from(`${line}\r\n\r\n`)))).toBe(expected);
});
