#!/bin/sh
# Puts SAMPLE_MESSAGES messages into the maildrop of each user of config/try/accounts.csv and serves them.
set -eu
here=$(dirname "$0")
mail=${MAIL_DIR:-/srv/mail}
for user in ada ben; do
  box=$mail/$user/Maildir
  mkdir -p "$box/new" "$box/cur" "$box/tmp"
  number=0
  while [ "$number" -lt "${SAMPLE_MESSAGES:-0}" ]; do
    number=$((number + 1))
    printf 'Message-ID: <%s.%s@try>\nDate: Mon, 5 Jan 2026 10:00:00 +0000\nFrom: sender@example.org\nTo: %s@example.org\nSubject: Sample %s\n\nThis is message %s for %s.\n' \
      "$user" "$number" "$user" "$number" "$number" "$user" > "$box/new/1767607200.M$(printf %09d "$number").try"
  done
done
exec dovecot -F -c "$here/dovecot.conf"
