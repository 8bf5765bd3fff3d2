# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Catalogs a second through the front end, on kept connections with client certificates.

# catalog_row TITLE ENVIRONMENT CONNECTIONS
catalog_row() {
  local round out=$place/catalog.json
  : >"$out"
  for ((round = 0; round < ROUNDS; round++)); do
    agentload catalog -c "$3" -t "$SECONDS_EACH" --environment "$2" >>"$out"
  done
  row "catalogs/s, $1, c=$3" "$(jq .catalogs_per_second "$out" | spread /s); p50 $(jq .latency.p50_ms "$out" | median), p99 $(jq .latency.p99_ms "$out" | median) ms; failed $(jq -s 'map(.failed) | add' "$out")$(failures "$out")"
}

# The kinds of failures, when there are any.
failures() { jq -rs 'map(.failures | keys) | add | unique | if length > 0 then " (" + join("; ") + ")" else "" end' "$1"; }

measure_catalog() {
  local connections
  start_deployment catalog --autosign true --ca-key ec
  "$bench/make-classes" "$dir/code/environments/classes"
  for connections in 1 2 8; do catalog_row 'one notify' production "$connections"; done
  for connections in 1 2 8; do catalog_row '101 classes x 10 notify' classes "$connections"; done
  row '... sizes of the last' "$(jq -rs 'last | "facts \(.request_bytes) bytes, catalog \(.catalog_bytes) bytes, \(.resources) resources"' "$place/catalog.json")"
  stop_deployment
}
