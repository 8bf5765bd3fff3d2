# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# The primary CA is cut off or killed, and comes back. A gap load (200 requests a second, each on a new connection) shows
# for how long nobody answered; beside it ten new agents a second enrol.

FAULT_SECONDS=4  # how long a fault lasts
LOAD_SECONDS=14  # how long the loads run: they see the fault, the switch, the cure and the way back
HOME_LIMIT=60    # seconds after which the primary is said not to have come back

ca_1_port() { echo $((port + 10002)); }

# Whether ca-1 is primary and everything is in sync.
at_home() { bunraku status --json 2>/dev/null | jq -e '.ca.active == "ca-1" and all(.ca.members[]; .in_sync)' >/dev/null; }

# Waits for that; fails after HOME_LIMIT.
wait_home() {
  local began
  began=$(now_us)
  until at_home; do
    (($(since_ms "$began") < HOME_LIMIT * 1000)) || { echo "ca-1 did not become primary again" >&2; return 1; }
    sleep 0.1
  done
}

# Each fail over and each way back is a new epoch.
epoch() { bunraku status --json | jq .epoch; }

# mark NAME BEFORE: notes that something was done between BEFORE and now.
mark() { echo "$1 $2 $(now_us)" >>"$place/marks"; }

# fault KIND / cure KIND: each notes when.
fault() {
  local began pid
  pid=$(pid_of ca-1)
  began=$(now_us)
  case $1 in
    REJECT) cut_port "$(ca_1_port)" -j REJECT --reject-with icmp-host-prohibited ;;
    DROP) cut_port "$(ca_1_port)" -j DROP ;;
    kill | kill-restart) kill -9 "$pid" ;;
  esac
  mark fault "$began"
}

cure() {
  local began
  began=$(now_us)
  case $1 in
    REJECT | DROP) cure_all ;;
    kill) start_role ca ca-1 ;;
  esac
  mark cure "$began"
}

# One fault and its cure under load. Appends one JSON object to $place/trials.
trial() {
  local kind=$1 gap_pid agents_pid before cured_at home_ms=null
  wait_home
  before=$(epoch)
  : >"$place/marks"
  start_load gap.json gap -r 200 -t "$LOAD_SECONDS" --marks "$place/marks"
  gap_pid=$started
  start_load agents.json enrol -r 10 -t "$LOAD_SECONDS" --marks "$place/marks" --names "$place/names"
  agents_pid=$started
  sleep 2
  cured_at=$(now_us)
  fault "$kind"
  if [[ $kind == kill-restart ]]; then
    # The cure is the supervisor's business, so its time counts. The fault has been noticed by now.
    sleep 1
  else
    sleep "$FAULT_SECONDS"
    cured_at=$(now_us)
    cure "$kind"
  fi
  while (($(since_ms "$cured_at") < HOME_LIMIT * 1000)); do
    if at_home; then home_ms=$(since_ms "$cured_at"); break; fi
    sleep 0.03
  done
  end_load "$gap_pid"
  end_load "$agents_pid"
  cat "$place/names" >>"$place/acknowledged"
  jq -cn --arg kind "$kind" --argjson home "$home_ms" --argjson epochs "$(($(epoch) - before))" \
    --slurpfile gap "$place/gap.json" --slurpfile agents "$place/agents.json" '
    def after_fault(of): of[0].marks[] | select(.name == "fault") | .first_success_ms;
    {kind: $kind, epochs: $epochs, home_ms: $home, first_ms: after_fault($gap), gap_ms: $gap[0].longest_gap.ms,
     requests: $gap[0].requests, failed: $gap[0].failed, failures: $gap[0].failures,
     agents_first_ms: after_fault($agents), agents_slowest_ms: $agents[0].enrolment.max_ms,
     agents: $agents[0].certificates, agents_failed: $agents[0].failed, agents_failures: $agents[0].failures}' |
    tee -a "$place/trials" >&2
}

# What became of every certificate that an agent has got, through all faults together.
outcome_row() {
  local name lost=0 twice unequal
  while read -r name; do
    [[ -s $dir/ssl/ca/signed/$name.pem && -s $dir/ssl/ca.standby/signed/$name.pem ]] || ((++lost))
  done <"$place/acknowledged"
  twice=$(cut -d' ' -f1 "$dir/ssl/ca/inventory.txt" | sort | uniq -d | wc -l)
  # diff says with its exit code that it found something; what counts here is how much.
  unequal=$({ diff -rq -x bunraku "$dir/ssl/ca" "$dir/ssl/ca.standby" || true; } | wc -l)
  row 'after all faults: certificates acknowledged; lost from either CA directory; serials given twice; files that differ' \
    "$(wc -l <"$place/acknowledged"); $lost; $twice; $unequal"
}

# failover_row KIND TITLE CURE
failover_row() {
  local of=$place/trials.$1
  jq -c "select(.kind == \"$1\")" "$place/trials" >"$of"
  row "$2: fault → first success" "$(jq -r '.first_ms // empty' "$of" | spread ms)"
  row "$2: longest time without a success" "$(jq .gap_ms "$of" | spread ms)"
  row "$2: new agents, 10/s: fault → first certificate; slowest enrolment" \
    "$(jq -r '.agents_first_ms // empty' "$of" | spread ms); $(jq -r '.agents_slowest_ms // empty' "$of" | spread ms)"
  row "$2: $3 → ca-1 is primary, all in sync" "$(jq -r '.home_ms // empty' "$of" | spread ms)"
  row "$2: failed requests" "$(jq -rs '
    "\(map(.failed) | add) of \(map(.requests) | add); agents \(map(.agents_failed) | add) of \(map(.agents + .agents_failed) | add)"
    + ([.[] | .failures, .agents_failures | keys[]] | unique | if length > 0 then " (" + join("; ") + ")" else "" end)' "$of")"
  local stayed
  stayed=$(jq -s 'map(select(.epochs == 0)) | length' "$of")
  ((stayed == 0)) || row "$2: trials in which the standby never became primary" "$stayed of $TRIALS"
}

measure_failover() {
  local n kind
  [[ $(id -u) == 0 ]] || { echo "failover cuts ports with iptables: run it as root" >&2; exit 1; }
  : >"$place/trials"
  : >"$place/acknowledged"
  start_deployment failover --autosign true
  for ((n = 0; n < TRIALS; n++)); do
    # The kinds take turns: a slow minute of the machine does not hit one of them alone.
    for kind in REJECT DROP kill-restart; do say "$kind $((n + 1)) of $TRIALS"; trial "$kind"; done
  done
  wait_home
  stop_deployment
  start_deployment failover --no-restart
  for ((n = 0; n < TRIALS; n++)); do say "kill $((n + 1)) of $TRIALS"; trial kill; done
  wait_home
  sleep 1
  outcome_row >"$place/outcome"
  end_role
  stop_deployment
  failover_row REJECT REJECT 'rule deleted'
  failover_row DROP DROP 'rule deleted'
  failover_row kill "kill -9, started again after $FAULT_SECONDS s" 'start'
  failover_row kill-restart 'kill -9, `up` starts it again' 'kill'
  cat "$place/outcome"
}
