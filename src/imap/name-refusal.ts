/** Whether a server that refuses to make a mailbox minds its name. */
import { classifyRefusal, type Refusal } from './classify-append.ts';

/** What is known of a refused CREATE. */
export type CreateRefusal = Refusal & {
  /**
   * `exists`: it is there already. `parent`: the mailbox above it has to be made first. `name`: another name may be taken.
   * `other`: no name would be.
   */
  because: 'exists' | 'parent' | 'name' | 'other';
};

const existsText = /\bexists\b|already|duplicate/i;
const parentText = /no (?:such )?(?:parent|superior)|\b(?:parent|superior)\b.*(?:\bnot\b|n't|missing)/i;
const otherText =
  /permission|denied|not authori[sz]ed|read-?only|no (?:access|rights?)\b|insufficient|quota|\bdisk\b|storage|too many (?:mailboxes|folders)|maximum number/i;

/** The reason of a refused CREATE. What says nothing of its reason is taken for a matter of the name. */
export function createRefusal(refusal: Refusal): CreateRefusal {
  return { ...refusal, because: reasonOf(refusal) };
}

function reasonOf(refusal: Refusal): CreateRefusal['because'] {
  const { responseCode, text } = refusal;
  switch (responseCode) {
    case 'ALREADYEXISTS':
      return 'exists';
    case 'NONEXISTENT':
    case 'TRYCREATE':
      return 'parent';
    // RFC 5530: it can never succeed, as Gmail says to excess white space and Dovecot to a forbidden character
    case 'CANNOT':
      return 'name';
    // RFC 5530: the number of mailboxes is meant here
    case 'LIMIT':
      return 'other';
  }
  const { action, unknown } = classifyRefusal(refusal);
  if (unknown || ['wait', 'account', 'account-full'].includes(action)) return 'other';
  if (parentText.test(text)) return 'parent';
  if (existsText.test(text)) return 'exists';
  return otherText.test(text) ? 'other' : 'name';
}
