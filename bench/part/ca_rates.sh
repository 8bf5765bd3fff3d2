# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Certificates signed and fetched a second.

# "all cores" signatures a second of the library that the CA signs with.
sign_rate() { "$AGENTLOAD" sign-rate --json --key "$1" -t 3 | jq .per_second; }

# enrol_round WHAT CONNECTIONS MOST: requests are made for MOST a second.
enrol_round() {
  local answer
  answer=$(ca_load ca-enrol -c "$2" -t "$SECONDS_EACH" --count $((SECONDS_EACH * $3)))
  [[ $(jq .ran_out <<<"$answer") == false ]] || say "more than $3 certificates/s: the last run was shorter"
  note_load "$1" .per_second <<<"$answer"
  note_load "$1 cpu" .server_us_each <<<"$answer"
}

get_round() {
  local answer
  answer=$(ca_load ca-get -c 16 -t "$SECONDS_EACH" --names "$ca_source/names")
  note_load get .per_second <<<"$answer"
  note_load 'get p99' .latency.p99_ms <<<"$answer"
  note_load 'get cpu' .server_us_each <<<"$answer"
  note_load 'get generator' .generator_us_each <<<"$answer"
}

# What a just started Java machine would be slow at, for both sides.
warm_up() {
  ca_load ca-enrol -c 8 -t 60 --count 250 >/dev/null
  ca_load ca-get -c 16 -t "$((SECONDS_EACH > 5 ? 15 : 4))" --names "$ca_source/names" >/dev/null
}

of_raw() {
  awk -v rate="$(samples "$1" bunraku | median)" -v raw="$2" 'BEGIN {if (rate + 0 && raw + 0) printf "%.0f %% of the raw rate", rate * 100 / raw; else print "-"}'
}

measure_ca_rates() {
  local one n round rsa ec raw_rsa=() raw_ec=() rsa_raw syncs
  directory rsa-2k --key rsa --signed 2000
  for one in $SIDES; do
    start_side "$one"
    warm_up
    for ((round = 0; round < ROUNDS; round++)); do
      raw_rsa+=("$(sign_rate rsa)")
      for n in 1 8; do enrol_round "rsa $n" "$n" 3000; done
      get_round
    done
    stop_side
  done
  if [[ $SIDES == *bunraku* ]]; then
    start_side bunraku 2
    for ((round = 0; round < ROUNDS; round++)); do enrol_round 'rsa standby' 8 3000; done
    stop_side
    directory ec-1k --key ec --signed 1000
    for n in 1 2; do
      start_side bunraku "$n"
      for ((round = 0; round < ROUNDS; round++)); do
        raw_ec+=("$(sign_rate ec)")
        enrol_round "ec 8 of $n" 8 12000
        enrol_round "ec 64 of $n" 64 12000
      done
      stop_side
    done
  fi
  read -r rsa ec < <(openssl_speed)
  syncs=$("$AGENTLOAD" sync-rate --json "$place" | jq .p50_ms)
  rsa_raw=$(printf '%s\n' "${raw_rsa[@]}" | median)
  side_row 'signatures/s, RSA-4096, all cores, the CA'"'"'s library' "$(printf '%s\n' "${raw_rsa[@]}" | spread /s)" - - "openssl speed, one core: $rsa/s"
  ((${#raw_ec[@]} == 0)) || side_row 'signatures/s, P-256, all cores, the CA'"'"'s library' "$(printf '%s\n' "${raw_ec[@]}" | spread /s)" - - "openssl speed, one core: $ec/s"
  side_figures 'rsa 1' 'CSR + autosign, RSA-4096 CA, 1 client' /s HIGHER "the disk: one append + fdatasync $syncs ms (p50)"
  side_figures 'rsa 8' 'CSR + autosign, RSA-4096 CA, 8 clients' /s HIGHER "$(of_raw 'rsa 8' "$rsa_raw")"
  side_figures 'rsa 8 cpu' '... processor time of the CA for each' µs LOWER
  side_figures 'rsa standby' '... with a standby on the same machine' /s HIGHER "$(of_raw 'rsa standby' "$rsa_raw")"
  side_figures 'ec 8 of 1' 'CSR + autosign, P-256 CA, 8 clients' /s HIGHER
  side_figures 'ec 64 of 1' '... 64 clients' /s HIGHER
  side_figures 'ec 64 of 1 cpu' '... 64 clients, processor time of the CA for each' µs LOWER
  side_figures 'ec 8 of 2' '... 8 clients, with a standby on the same machine' /s HIGHER
  side_figures 'ec 64 of 2' '... 64 clients, with a standby on the same machine' /s HIGHER
  side_figures get 'GET certificate/NAME, 16 connections' /s HIGHER "load generator: $(samples 'get generator' bunraku | median) µs each"
  side_figures 'get p99' '... p99' ms LOWER
  side_figures 'get cpu' '... processor time of the CA for each' µs LOWER
}
