#!/usr/bin/env bash
# Makes the control plane's role and user; done again, it changes nothing. Passwords go by standard
# input and files, and never stand on a command line.
set -euo pipefail

ask() {
  curl --silent --show-error --fail --output /dev/null \
    --config <(printf 'user = "elastic:%s"\n' "$(cat /run/secrets/elastic_password)") \
    --header 'Content-Type: application/json' --request PUT --data-binary @- \
    "http://elasticsearch:9200/_security/$1"
}

ask role/coworker_control <<'JSON'
{
  "cluster": ["monitor", "monitor_snapshot", "manage_index_templates", "manage_api_key"],
  "indices": [{"names": ["cw.*"], "privileges": ["all"]}]
}
JSON
printf '{"password": "%s", "roles": ["coworker_control"]}' \
  "$(cat /run/secrets/elasticsearch_password)" | ask user/coworker
