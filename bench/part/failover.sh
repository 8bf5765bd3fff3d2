# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# The primary CA is killed, cut off, stopped, unplugged, or relieved in order, and comes back: on hosts of its own
# (network namespaces). A gap load (200 requests a second, each on a new connection) shows for how long nobody answered;
# beside it ten new agents a second enrol.

source "$bench/hosts.sh"

read -ra KINDS <<<"${KINDS:-kill REJECT RESET DROP STOP host switchover}"
declare -A TITLE=([kill]='`kill -9`' [REJECT]='port rejected (iptables REJECT, host prohibited)'
  [RESET]='port rejected (iptables REJECT, TCP reset)' [DROP]='packets vanish (iptables DROP)'
  [STOP]='process stands still (SIGSTOP)' [host]='host gone (cable pulled, process killed)'
  [switchover]='planned: `ca switchover`, and home')
FAULT_SECONDS=1.8 # how long a fault lasts
SLOT_SECONDS=4.0  # in what time a fault, its cure and the way home must have their place
HOME_LIMIT=60     # seconds after which the primary is said not to have come back

on_client() { ip netns exec "$net-client" "$@"; }
bunraku_at_front() { ip netns exec "$net-front" "$BUNRAKU" --config "$dir/bunraku.toml" "$@"; }

# Whether ca-1 is primary and everything is in sync.
at_home() {
  bunraku_at_front status --json 2>/dev/null | jq -e '.ca.active == "ca-1" and all(.ca.members[]; .in_sync)' >/dev/null
}

wait_home() {
  local began
  began=$(now_us)
  until at_home; do
    (($(since_ms "$began") < HOME_LIMIT * 1000)) || { echo "ca-1 did not become primary again" >&2; return 1; }
    sleep 0.05
  done
}

# mark NAME BEFORE: notes that something was done between BEFORE and now.
mark() { echo "$1 $2 $(now_us)" >>"$place/marks"; }

port_rule() { ip netns exec "$net-one" iptables -w "$1" INPUT -p tcp --dport 8141 "${@:2}"; }

# fault KIND / cure KIND: each notes when.
fault() {
  local began
  began=$(now_us)
  case $1 in
    REJECT) port_rule -I -j REJECT --reject-with icmp-host-prohibited ;;
    RESET) port_rule -I -j REJECT --reject-with tcp-reset ;;
    DROP) port_rule -I -j DROP ;;
    kill) kill -9 "${role_pid_of[ca-1]}" ;;
    STOP) kill -STOP "${role_pid_of[ca-1]}" ;;
    host) ip -n "$net-switch" link set one down; kill -9 "${role_pid_of[ca-1]}" ;;
    switchover) bunraku_at_front ca switchover --to ca-2 >>"$place/switchover.log" 2>&1 || say "switchover refused" ;;
  esac
  mark "$1" "$began"
}

cure() {
  local began
  began=$(now_us)
  case $1 in
    REJECT) port_rule -D -j REJECT --reject-with icmp-host-prohibited ;;
    RESET) port_rule -D -j REJECT --reject-with tcp-reset ;;
    DROP) port_rule -D -j DROP ;;
    kill) start_on_host ca ca-1 ;;
    STOP) kill -CONT "${role_pid_of[ca-1]}" ;;
    host) ip -n "$net-switch" link set one up; start_on_host ca ca-1 ;;
    # It goes home by itself, half a second after it is in sync: the way there and the way back are in one trial.
    switchover) return ;;
  esac
  mark "cure-$1" "$began"
}

# Every kind once, under one load. Appends what it saw to $place/trials.
trial_round() {
  local kind began seconds gap_pid agents_pid
  wait_home
  : >"$place/marks"
  seconds=$(awk "BEGIN {print int(${#KINDS[@]} * $SLOT_SECONDS + 2)}")
  on_client "$AGENTLOAD" --server "${address[front]}:8140" --json gap -r 200 -t "$seconds" --marks "$place/marks" >"$place/gap.json" &
  gap_pid=$!
  load[$gap_pid]=1
  on_client "$AGENTLOAD" --server "${address[front]}:8140" --json enrol -r 10 -t "$seconds" --marks "$place/marks" \
    --names "$place/names" >"$place/agents.json" &
  agents_pid=$!
  load[$agents_pid]=1
  sleep 0.7
  for kind in "${KINDS[@]}"; do
    began=$(now_us)
    sleep 0.3
    fault "$kind"
    sleep "$FAULT_SECONDS"
    cure "$kind"
    wait_home
    while (($(since_ms "$began") < ${SLOT_SECONDS/./}00)); do sleep 0.02; done
  done
  end_load "$gap_pid"
  end_load "$agents_pid"
  cat "$place/names" >>"$place/acknowledged"
  jq -cn --slurpfile gap "$place/gap.json" --slurpfile agents "$place/agents.json" '
    {requests: $gap[0].requests, failed: $gap[0].failed, failures: $gap[0].failures, marks: $gap[0].marks,
     agents: $agents[0].certificates, agents_failed: $agents[0].failed, agents_failures: $agents[0].failures,
     agents_marks: $agents[0].marks}' >>"$place/trials"
  [[ -z ${RECORD:-} ]] || cp "$place/trials" "$RECORD"
}

# "p50 / p99 / most" of the numbers on stdin
percentiles() {
  sort -g | awk "$round_off"'
    {v[NR]=$1}
    function at(q,   n) { n = int(q * NR); if (n < q * NR) n++; return r(v[n]) }
    END { if (NR) printf "%s / %s / %s ms\n", at(0.5), at(0.99), r(v[NR]); else print "none" }'
}

# of_kind LOAD KIND FIELD: that number of every trial
of_kind() { jq -r ".$1[] | select(.name == \"$2\") | .$3 // empty" "$place/trials"; }

outcome_rows() {
  local name lost=0 twice unequal
  while read -r name; do
    [[ -s $dir/ssl/ca/signed/$name.pem && -s $dir/ssl/ca.standby/signed/$name.pem ]] || ((++lost))
  done <"$place/acknowledged"
  twice=$(cut -d' ' -f1 "$dir/ssl/ca/inventory.txt" | sort | uniq -d | wc -l)
  # diff says with its exit code that it found something; what counts here is how much.
  unequal=$({ diff -rq -x bunraku "$dir/ssl/ca" "$dir/ssl/ca.standby" || true; } | wc -l)
  echo
  row 'after all faults together' "n"
  row '---' '---'
  row 'failed requests' "$(jq -rs '"\(map(.failed) | add) of \(map(.requests) | add)"
    + ([.[] | .failures | keys[]] | unique | if length > 0 then " (" + join("; ") + ")" else "" end)' "$place/trials")"
  row 'failed enrolments' "$(jq -rs '"\(map(.agents_failed) | add) of \(map(.agents + .agents_failed) | add)"
    + ([.[] | .agents_failures | keys[]] | unique | if length > 0 then " (" + join("; ") + ")" else "" end)' "$place/trials")"
  row 'certificates acknowledged; of them lost from either CA directory' "$(wc -l <"$place/acknowledged"); $lost"
  row 'serials given twice' "$twice"
  row 'files that differ between the CA directories' "$unequal"
}

measure_failover() {
  local n kind stayed
  [[ $(id -u) == 0 ]] || { echo "failover makes network namespaces: run it as root" >&2; exit 1; }
  : >"$place/trials"
  : >"$place/acknowledged"
  start_deployment failover --autosign true
  stop_deployment
  make_hosts
  move_to_hosts
  start_on_host ca ca-1
  start_on_host ca ca-2
  start_on_host catalog catalog-1
  start_on_host front-end front-end
  for ((n = 0; n < TRIALS; n++)); do say "round $((n + 1)) of $TRIALS"; trial_round; done
  wait_home
  sleep 1
  end_hosts
  echo
  echo "| fault | trials | time without an active CA: p50 / p99 / most | slowest enrolment: p50 / p99 / most | cure → first answer: most |"
  echo '|---|---|---|---|---|'
  for kind in "${KINDS[@]}"; do
    printf '| %s | %s | %s | %s | %s |\n' "${TITLE[$kind]}" "$(of_kind marks "$kind" longest_gap_ms | wc -l)" \
      "$(of_kind marks "$kind" longest_gap_ms | percentiles)" "$(of_kind agents_marks "$kind" slowest_ms | percentiles)" \
      "$(of_kind marks "cure-$kind" longest_gap_ms | percentiles | sed 's/.*\/ //')"
  done
  outcome_rows
}
