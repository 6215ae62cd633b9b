#!/bin/sh
printf 'Content-Type: text/plain\r\n\r\n'
printf 'app %s, ' "$VERSION"
cat /etc/journal.conf
tail -n 5 /data/entries
