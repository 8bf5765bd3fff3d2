# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# What a signature costs when there are many certificates, against few. Bunraku only: the certificates are signed by a
# P-256 CA, which Puppet Server cannot sign with. Both CAs run all the time and the load alternates between them: a
# machine that drifts, or files that others delete, are then seen by both.

growth_round() {
  local answer
  answer=$(ca_load ca-enrol -c 16 -t "$SECONDS_EACH" --count $((SECONDS_EACH * 12000)))
  note_load "$1 rate" .per_second <<<"$answer"
  note_load "$1 cpu" .server_us_each <<<"$answer"
}

measure_ca_growth() {
  local count round
  local -A deployment=() process=() listens=()
  [[ $SIDES == *bunraku* ]] || return 0
  directory "ec-$MANY" --key ec --signed "$MANY"
  directory ec-1k --key ec --signed 1000
  for count in 1k "$MANY"; do
    ca_source=$DIRECTORIES/ec-$count
    start_side bunraku
    note "$count taken" "$ready_ms"
    deployment[$count]=$up_pid process[$count]=$ca_pid listens[$count]=$ca_port
    also_up+=("$up_pid")
  done
  # The first round of each finds cold caches and is not counted.
  for ((round = 0; round <= ROUNDS; round++)); do
    for count in 1k "$MANY"; do
      ca_source=$DIRECTORIES/ec-$count ca_pid=${process[$count]} ca_port=${listens[$count]}
      if ((round)); then growth_round "$count"; else growth_round "first $count"; fi
    done
  done
  for count in 1k "$MANY"; do
    up_pid=${deployment[$count]}
    stop_side
  done
  also_up=()
  side_figures '1k rate' 'CSR + autosign, P-256 CA, 16 clients, 1,000 certificates' /s HIGHER
  side_figures '1k cpu' '... processor time of the CA for each' µs LOWER
  side_figures "$MANY rate" "CSR + autosign, P-256 CA, 16 clients, $MANY certificates" /s HIGHER
  side_figures "$MANY cpu" '... processor time of the CA for each' µs LOWER
  side_figures "$MANY taken" "... the very first start (taking over the directory)" ms LOWER
}
