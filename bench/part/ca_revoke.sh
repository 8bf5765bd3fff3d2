# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Revocations with a long list: one at a time, and a thousand at once.

# revoke_round WHAT SKIP COUNT: one after the other.
revoke_round() {
  local answer
  answer=$(operator_load ca-revoke --names "$ca_source/names" --skip "$2" --count "$3" --patience 300)
  note_load "$1 p50" .latency.p50_ms <<<"$answer"
  note_load "$1 p99" .latency.p99_ms <<<"$answer"
  note_load "$1 cpu" '.server_us_each / 1000' <<<"$answer"
}

# revoke_at_once WHAT SKIP COUNT
revoke_at_once() {
  local answer
  answer=$(operator_load ca-revoke --names "$ca_source/names" --skip "$2" --count "$3" -c "$3" --patience 300)
  note_load "$1 wall" '.seconds * 1000' <<<"$answer"
}

# revoke_list KEY ENTRIES TITLE SIDE...
revoke_list() {
  local key=$1 entries=$2 title=$3 what="$1 $2" one many=1000
  ((quick)) && many=200
  directory "$key-revoked-$entries" --key "$key" --signed 2000 --cleaned "$entries"
  for one in "${@:4}"; do
    start_side "$one"
    revoke_round "$what warm-up" 0 5
    revoke_round "$what" 5 20
    # Puppet Server makes a list for each, one after the other: minutes.
    [[ $one == puppetserver ]] || revoke_at_once "$what" 100 "$many"
    stop_side
  done
  side_figures "$what p50" "revoke one, $title CA, $entries entries, p50 of 20" ms LOWER
  side_figures "$what p99" '... p99' ms LOWER
  side_figures "$what cpu" '... processor time of the CA' ms LOWER
  side_figures "$what wall" "revoke $many at once, $title CA, $entries entries" ms LOWER
}

measure_ca_revoke() {
  local entries
  for entries in 10000 100000; do
    # shellcheck disable=SC2086
    revoke_list rsa "$entries" RSA-4096 $SIDES
    [[ $SIDES != *bunraku* ]] || revoke_list ec "$entries" P-256 bunraku
  done
}
