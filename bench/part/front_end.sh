# shellcheck shell=bash disable=SC2034,SC2154,SC2016,SC2046
# A front end beside the peers. FRONT_ROWS picks some of the rows.

FRONT_ALL=(handshake get catalog run half killed idle revoked large)
read -ra FRONT_ROWS <<<"${FRONT_ROWS:-${FRONT_ALL[*]}}"
FRONT_IDLE=${FRONT_IDLE:-5000}
FRONT_SECONDS=${FRONT_SECONDS:-$((SECONDS_EACH > 4 ? 4 : SECONDS_EACH))}

wanted() { [[ " ${FRONT_ROWS[*]} " == *" $1 "* ]]; }

# front_round WHAT ARGUMENT...: a run of `agentload front` on each side in turn.
front_round() {
  local answer
  for side in $FRONT_SIDES; do
    answer=$(front_load "$side" front "${@:2}" $(pid_flags "$side"))
    if (($(jq .failed <<<"$answer") > 0)); then
      say "$side, $1: $(jq -c .failures <<<"$answer")"
      continue
    fi
    say "$side, $1: $(jq -r '"\(.per_second)/s, p99 \(.latency.p99_ms) ms, front end \(.server_us_each) µs, load \(.generator_us_each) µs"' <<<"$answer")"
    note "$1" "$(jq .per_second <<<"$answer")"
    note "$1 cpu" "$(jq .server_us_each <<<"$answer")"
    note "$1 p50" "$(jq .latency.p50_ms <<<"$answer")"
    note "$1 p99" "$(jq .latency.p99_ms <<<"$answer")"
    note "$1 load" "$(jq .generator_us_each <<<"$answer")"
  done
}

measure_front_end() {
  local round n
  echo
  front_row what Bunraku HAProxy nginx Apache 'ratio to the best peer'
  front_row '---' '---' '---' '---' '---' '---'
  if wanted handshake || wanted get || wanted catalog || wanted run || wanted half; then
    front_directory 0
    start_front_sides
    for n in handshake get catalog run; do front_round warm-up "$n" -t 1 2>/dev/null; done
    for ((round = 0; round < ROUNDS; round++)); do
      ! wanted handshake || front_round handshake handshake -c 16 -t "$FRONT_SECONDS"
      for n in 1 16 64; do
        ! wanted get || front_round "get $n" get -c "$n" -t "$FRONT_SECONDS"
        ! wanted catalog || front_round "catalog $n" catalog -c "$n" -t "$FRONT_SECONDS"
      done
      ! wanted run || front_round run run -c 16 -t "$FRONT_SECONDS"
    done
    ! wanted half || front_half
    stop_front_sides
    front_rates
  fi
  if wanted large; then
    front_directory 100000
    start_front_sides
    front_round warm-up handshake -t 1 2>/dev/null
    for ((round = 0; round < ROUNDS; round++)); do
      front_round 'large handshake' handshake -c 16 -t "$FRONT_SECONDS"
    done
    stop_front_sides
    front_figures 'large handshake' 'new connection + GET, 100,000 revocations, 16 at one time' /s HIGHER
    front_figures 'large handshake cpu' '... processor time of each' µs LOWER
  fi
  ! wanted idle || front_idle
  ! wanted killed || front_killed
  ! wanted revoked || front_revoked
}

front_rates() {
  local n
  if wanted handshake; then
    front_figures handshake 'new connection + GET, no revocations, 16 at one time' /s HIGHER
    front_figures 'handshake cpu' '... processor time of each' µs LOWER
    front_figures 'handshake load' '... of the load' µs LOWER
  fi
  for n in 1 16 64; do
    wanted get || continue
    front_figures "get $n" "GET 1 kB, kept connections: $n" /s HIGHER
    front_figures "get $n cpu" '... processor time of each' µs LOWER
    front_figures "get $n load" '... of the load' µs LOWER
  done
  for n in 1 16 64; do
    wanted catalog || continue
    front_figures "catalog $n" "catalog, 20 kB up, 60 kB down, kept connections: $n" /s HIGHER
    front_figures "catalog $n cpu" '... processor time of each' µs LOWER
    front_figures "catalog $n load" '... of the load' µs LOWER
  done
  if wanted run; then
    front_figures run "agents' runs, 16 at one time" /s HIGHER
    front_figures 'run cpu' '... processor time of each' µs LOWER
    front_figures 'run load' '... of the load' µs LOWER
  fi
  if wanted half; then
    front_figures 'half get p50' "GET, open loop, $half_get/s: p50" ms LOWER
    front_figures 'half get p99' '... p99' ms LOWER
    front_figures 'half run p50' "agents' runs, open loop, $half_run/s: p50 of a run" ms LOWER
    front_figures 'half run p99' '... p99' ms LOWER
  fi
}

# Half of what the best peer can, for everybody.
front_half() {
  local round
  half_get=$(best_peer 'get 16' HIGHER) half_run=$(best_peer run HIGHER)
  half_get=$(awk -v x="${half_get:-20000}" 'BEGIN {print int(x / 2)}')
  half_run=$(awk -v x="${half_run:-600}" 'BEGIN {print int(x / 2)}')
  for ((round = 0; round < ROUNDS; round++)); do
    front_round 'half get' get -c 64 -r "$half_get" -t "$FRONT_SECONDS"
    front_round 'half run' run -r "$half_run" -t "$FRONT_SECONDS"
  done
}

# Connections that have had one answer each.
front_idle() {
  local before after fd answer
  front_directory 0
  start_front_sides
  for side in $FRONT_SIDES; do
    # What the first connections cost once is not of the idle ones.
    front_load "$side" front get -c 16 -t 1 >/dev/null
    sleep 1
    before=$(front_memory "$side")
    coproc IDLE { front_load "$side" front-idle -c "$FRONT_IDLE"; }
    read -r -t 120 -u "${IDLE[0]}" answer && [[ $answer == ready ]] || { echo "$side: the connections do not open" >&2; exit 1; }
    sleep 2
    after=$(front_memory "$side")
    fd=${IDLE[1]}
    exec {fd}>&-
    read -r -u "${IDLE[0]}" answer || answer='{}'
    wait "$IDLE_PID" 2>/dev/null || true
    say "$side: idle $before -> $after kB; $answer"
    note idle "$(awk -v a="$after" -v b="$before" -v n="$FRONT_IDLE" 'BEGIN {print (a - b) / n}')"
    note 'idle open' "$(jq .open <<<"$answer")"
  done
  stop_front_sides
  front_figures idle "$FRONT_IDLE idle connections: memory of each (PSS)" kB LOWER
  front_figures 'idle open' '... of which were open at the end' '' HIGHER
}

# A worker dies (SIGKILL) and comes back 3 s later, under 1,000 requests a second; each takes it 5 ms.
front_killed() {
  local trial answer
  front_directory 0
  start_front_sides --delay 5
  for ((trial = 0; trial < (TRIALS > 3 ? 3 : TRIALS); trial++)); do
    for side in $FRONT_SIDES; do
      coproc KILLED { front_load "$side" front mix -c 64 -r 1000 -t 8; }
      sleep 2
      end_worker 0
      sleep 3
      start_worker 0 --delay 5
      read -r -u "${KILLED[0]}" answer
      wait "$KILLED_PID" 2>/dev/null || true
      say "$side: killed: $answer"
      note killed "$(jq .failed <<<"$answer")"
      note 'killed p99' "$(jq .latency.max_ms <<<"$answer")"
      sleep 1
    done
  done
  stop_front_sides
  front_figures killed 'a worker is killed at 1,000 requests/s: failed requests' '' LOWER
  front_figures 'killed p99' '... the slowest of the others' ms LOWER
}

front_revoked() {
  local entries began
  for entries in 0 100000; do
    front_directory "$entries"
    start_front_sides
    for side in $FRONT_SIDES; do
      coproc WATCH { front_load "$side" front-revoked --agents 2 -t 10; }
      read -r -u "${WATCH[0]}" answer
      began=$(now_us)
      revoke_first_node
      read -r -u "${WATCH[0]}" answer
      wait "$WATCH_PID" 2>/dev/null || true
      say "$side: revoked: $answer"
      for n in open new; do
        note "revoked $n $entries" "$(jq --argjson began "$began" ".$n.first_refused_us | if . then (. - \$began) / 1000 else 10000 end" <<<"$answer")"
      done
      note "revoked other $entries" "$(jq 'if .other.first_refused_us then 1 else 0 end' <<<"$answer")"
    done
    stop_front_sides
    front_figures "revoked new $entries" "revoked, list of $entries: until new connections are refused (10 s: never)" ms LOWER
    front_figures "revoked open $entries" '... until the open one is' ms LOWER
    front_figures "revoked other $entries" "... another node's connection is cut (1: yes)" '' LOWER
  done
}

# Bunraku is told as an operator tells it; a peer gets a new list and reads it.
revoke_first_node() {
  if [[ $side == bunraku ]]; then
    curl -sS -o /dev/null --fail --resolve "localhost:${front_port[bunraku]}:127.0.0.1" --cacert "$ca_source/ca/ca_crt.pem" \
      --cert "$ca_source/identity/operator.cert.pem" --key "$ca_source/identity/operator.key.pem" -X PUT \
      -H 'Content-Type: application/json' -d '{"desired_state":"revoked"}' \
      "https://localhost:${front_port[bunraku]}/puppet-ca/v1/certificate_status/node-0000000.example.com"
  else
    cp "$ca_source/crl_after.pem" "$place/$side/crl.pem"
    reload_front "$side"
  fi
}
