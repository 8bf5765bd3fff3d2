# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Signing requests handed in and certificates fetched, signed at once by autosign and copied to the standby.

# enrol_row TITLE CONNECTIONS
enrol_row() {
  local round out=$place/enrol.json
  : >"$out"
  for ((round = 0; round < ROUNDS; round++)); do
    agentload enrol -c "$2" -t "$SECONDS_EACH" --count $((SECONDS_EACH * 8000)) >>"$out"
  done
  # A faster CA would need more requests made beforehand: then --count has to grow.
  jq -se 'all(.ran_out | not)' "$out" >/dev/null || { echo "more than 8000 certificates/s: raise --count" >&2; exit 1; }
  row "CSR + autosign certificates/s, $1, c=$2" "$(jq .certificates_per_second "$out" | spread /s); p50 $(jq .enrolment.p50_ms "$out" | median), p99 $(jq .enrolment.p99_ms "$out" | median) ms; failed $(jq -s 'map(.failed) | add' "$out")$(jq -rs 'map(.failures | keys) | add | unique | if length > 0 then " (" + join("; ") + ")" else "" end' "$out")"
}

measure_enrol() {
  local rsa ec connections
  start_deployment enrol-rsa --autosign true
  read -r rsa ec < <(openssl_speed)
  row 'openssl speed, one core, just before' "RSA-4096 $rsa signatures/s, P-256 $ec signatures/s"
  for connections in 1 2 8; do enrol_row 'RSA-4096 CA' "$connections"; done
  read -r rsa ec < <(openssl_speed)
  row 'openssl speed, one core, between' "RSA-4096 $rsa signatures/s, P-256 $ec signatures/s"
  stop_deployment
  start_deployment enrol-ec --autosign true --ca-key ec
  for connections in 1 2 8; do enrol_row 'P-256 CA' "$connections"; done
  stop_deployment
}
