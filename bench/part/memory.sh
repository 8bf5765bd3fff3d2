# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Resident memory of each role's process: RSS, and PSS (pages that several processes share are counted in parts).

measure_memory() {
  local name idle after sum_idle=() sum_after=()
  declare -A before
  start_deployment memory --autosign true
  "$bench/make-classes" "$dir/code/environments/classes"
  sleep 3
  local names
  mapfile -t names < <(jq -r '.roles[].name' <<<"$announced")
  for name in "${names[@]}"; do before[$name]=$(memory_of "$(pid_of "$name")"); done
  say "load for memory"
  agentload enrol -c 8 -t "$SECONDS_EACH" >"$place/memory-enrol.json"
  agentload catalog -c 8 -t "$SECONDS_EACH" >/dev/null
  agentload catalog -c 8 -t "$SECONDS_EACH" --environment classes >"$place/memory-catalog.json"
  sleep 1
  for name in "${names[@]}"; do
    idle=${before[$name]} after=$(memory_of "$(pid_of "$name")")
    sum_idle+=("$idle") sum_after+=("$after")
    row "memory of $name: RSS / PSS, idle → after load" "$(in_mb "$idle") → $(in_mb "$after")"
  done
  idle=$(printf '%s\n' "${sum_idle[@]}" | awk '{r+=$1; p+=$2} END {print r, p}')
  after=$(printf '%s\n' "${sum_after[@]}" | awk '{r+=$1; p+=$2} END {print r, p}')
  row "memory of all roles: RSS / PSS, idle → after load" "$(in_mb "$idle") → $(in_mb "$after")"
  row "... the load before \"after\"" "$(jq -r .certificates "$place/memory-enrol.json") certificates; one-notify catalogs; $(jq -r .catalogs "$place/memory-catalog.json") catalogs of 101 classes (c=8)"
  stop_deployment
}
