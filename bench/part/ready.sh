# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# From the start of `bunraku up` to the line that says that everything answers.

measure_ready() {
  local n first_ec=() first_rsa=() second=() firsts=$(((STARTS + 1) / 2))
  for ((n = 0; n < STARTS; n++)); do
    start_deployment "ready-ec-$n" --ca-key ec
    first_ec+=("$ready_ms")
    stop_deployment
  done
  for ((n = 0; n < firsts; n++)); do
    start_deployment "ready-rsa-$n"
    first_rsa+=("$ready_ms")
    stop_deployment
  done
  for ((n = 0; n < STARTS; n++)); do
    start_deployment ready-rsa-0
    second+=("$ready_ms")
    stop_deployment
  done
  row '`up` to ready, first run, P-256 CA' "$(printf '%s\n' "${first_ec[@]}" | spread ms)"
  row '`up` to ready, first run, RSA-4096 CA (key generation varies)' "$(printf '%s\n' "${first_rsa[@]}" | spread ms)"
  row '`up` to ready, second run (RSA-4096 CA)' "$(printf '%s\n' "${second[@]}" | spread ms)"
}
