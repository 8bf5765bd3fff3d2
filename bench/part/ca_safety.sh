# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# What a standby in sync costs. Two members on one machine share its processors, which two hosts do not: everything runs
# on processor 0, but the standby on processor 1, in both cases. What is left is the cost of waiting for it and of sending.

# safety_round KEY MEMBERS CONNECTIONS
safety_round() {
  local answer
  answer=$(ca_load ca-enrol -c "$3" -t "$SECONDS_EACH" --count $((SECONDS_EACH * 6000)))
  # Names of its own: ca-rates, in the same run, has samples of "rsa 8 of 2" with other processors.
  note_load "safety $1 $3 of $2" .per_second <<<"$answer"
  note_load "safety $1 $3 of $2 p50" .latency.p50_ms <<<"$answer"
  note_load "safety $1 $3 of $2 cpu" .server_us_each <<<"$answer"
}

# Processor time of a process so far, in µs.
processor_time() { awk '{print ($14 + $15) * 10000}' "/proc/$1/stat"; }

measure_ca_safety() {
  local key members round syncs standby before many
  need taskset
  taskset -cp 0 $$ >/dev/null
  for ((round = 0; round < ROUNDS; round++)); do
    for key in rsa ec; do
      directory "$key-1k" --key "$key" --signed 1000
      for members in 1 2; do
        start_side bunraku "$members"
        standby=""
        if ((members == 2)); then
          standby=$(pid_of ca-2)
          taskset -acp 1 "$standby" >/dev/null
        fi
        ca_load ca-enrol -c 8 -t 60 --count 250 >/dev/null
        safety_round "$key" "$members" 1
        before=$([[ -z $standby ]] || processor_time "$standby")
        safety_round "$key" "$members" 8
        if [[ -n $standby ]]; then
          many=$(samples "safety $key 8 of 2" bunraku | tail -n 1)
          awk -v used=$(($(processor_time "$standby") - before)) -v rate="$many" -v seconds="$SECONDS_EACH" \
            'BEGIN {print used / (rate * seconds)}' >>"$place/standby-$key"
        fi
        stop_side
      done
    done
  done
  taskset -cp "0-$(($(nproc --all) - 1))" $$ >/dev/null
  syncs=$("$AGENTLOAD" sync-rate --json "$place" | jq .p50_ms)
  for key in rsa ec; do
    [[ $key == rsa ]] && title='RSA-4096 CA' || title='P-256 CA'
    for members in 1 2; do
      ((members == 1)) && who=alone || who='with a standby'
      side_row "CSR + autosign, $title, 8 clients, $who" "$(samples "safety $key 8 of $members" bunraku | spread /s)" - - \
        "the CA's processor time: $(samples "safety $key 8 of $members cpu" bunraku | median) µs each"
      side_row "... 1 client, $who: p50" "$(samples "safety $key 1 of $members p50" bunraku | spread ms)" - - \
        "one append + fdatasync: $syncs ms"
    done
    side_row "... with a standby, of the rate alone" "$(awk -v a="$(samples "safety $key 8 of 1" bunraku | median)" \
      -v b="$(samples "safety $key 8 of 2" bunraku | median)" 'BEGIN {printf "%.0f %%", 100 * b / a}')" - - \
      "the standby's processor time: $(median <"$place/standby-$key") µs each"
  done
}
