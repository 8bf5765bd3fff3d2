# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Large directories: the start, memory, the list of all. The CA's key is P-256, because a hundred thousand RSA-4096
# signatures take minutes; Puppet Server reads such a directory, though it cannot sign with it.

note_memory() {
  local rss pss
  read -r rss pss < <(memory_of "$ca_pid")
  note "$1 rss" "$(awk -v kb="$rss" 'BEGIN {print kb / 1000}')"
  note "$1 pss" "$(awk -v kb="$pss" 'BEGIN {print kb / 1000}')"
}

# large CERTIFICATES [list] [start]: what is measured with so many.
large() {
  local count=$1 one n times
  directory "ec-$count" --key ec --signed "$count"
  for one in $SIDES; do
    start_side "$one"
    [[ $one == bunraku ]] && note "$count import" "$ready_ms"
    times=5
    [[ $one == puppetserver ]] && times=1
    if [[ $* == *list* ]]; then
      note_load "$count list" .latency.p50_ms < <(operator_load ca-list --count "$times" --patience 180)
    fi
    times=$((STARTS < 5 ? STARTS : 5))
    [[ $one == puppetserver ]] && times=1
    if [[ $* == *start* ]]; then
      for ((n = 0; n < times; n++)); do
        restart_side
        note "$count start" "$ready_ms"
        sleep 3
        note_memory "$count"
        [[ $one == bunraku ]] && end_roles
      done
    fi
    stop_side
  done
}

measure_ca_large() {
  local many=100000
  ((quick)) && many=20000
  large 1000 start
  large 10000 list
  large "$many" start list
  side_figures '1000 start' 'start to first answer, 1,000 certificates' ms LOWER
  side_figures "$many start" "start to first answer, $many certificates" ms LOWER
  side_figures "$many import" "... the very first start (taking over the directory, all roles made)" ms LOWER
  side_figures '1000 rss' 'memory, 1,000 certificates, RSS' MB LOWER
  side_figures '1000 pss' '... PSS' MB LOWER
  side_figures "$many rss" "memory, $many certificates, RSS" MB LOWER
  side_figures "$many pss" '... PSS' MB LOWER
  side_figures '10000 list' 'list all, 10,000 certificates' ms LOWER
  side_figures "$many list" "list all, $many certificates" ms LOWER
}
