# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Deployments in a temporary directory, and their certain end. Sourced by bench/run.

place="" up_pid="" port="" dir="" announced="" ready_ms="" started="" role_pid=""
rules=()        # iptables rules of ours, as arguments to -I and -D
also_up=()      # `up`s that run beside $up_pid
declare -A load # process ids of loads under way

build_release() {
  local target=${CARGO_TARGET_DIR:-$bench/../target}
  if [[ -z ${BUNRAKU:-} || -z ${AGENTLOAD:-} ]]; then
    say "building"
    (cd "$bench/.." && cargo build --release --locked --quiet -p bunraku -p agentload >&2)
  fi
  BUNRAKU=$(realpath "${BUNRAKU:-$target/release/bunraku}")
  AGENTLOAD=$(realpath "${AGENTLOAD:-$target/release/agentload}")
}

# Copies: a build during the measurement must not replace what is measured.
keep_binaries() {
  mkdir "$place/bin"
  cp "$BUNRAKU" "$AGENTLOAD" "$place/bin/"
  BUNRAKU=$place/bin/${BUNRAKU##*/} AGENTLOAD=$place/bin/${AGENTLOAD##*/}
}

make_place() {
  place=$(realpath "$(mktemp -d "${TMPDIR:-/tmp}/bench.XXXXXX")")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

clean_up() {
  local status=$?
  trap - EXIT INT TERM HUP
  set +e
  cure_all
  local pid
  [[ -z ${front_pids[*]:-} ]] || end_front_peers
  for pid in "${!load[@]}"; do kill -9 "$pid" 2>/dev/null; done
  end_role
  [[ -z ${front_end_pid:-} ]] || end_roles
  [[ -z ${net:-} ]] || end_hosts
  stop_deployment
  for up_pid in "${also_up[@]}"; do stop_deployment; done
  if ((status != 0 && status != 130)) && [[ -d $place ]]; then
    tail -n 20 "$place"/*/log/{front_end_error,front-end,ca-1,ca-2,catalog-1,up}.log >&2 2>/dev/null
  fi
  if [[ -n ${KEEP:-} ]]; then say "left as it is: $place"; else rm -rf "$place"; fi
  exit "$status"
}

# Looks whether somebody listens on a loopback port.
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A front-end port whose workers' ports (10,000 above) are free too, below the ports that outgoing connections use.
choose_port() {
  local candidate worker
  for ((candidate = 20140; candidate < 21000; candidate += 10)); do
    for worker in "$candidate" $((candidate + 1000)) $((candidate + 10000)) $((candidate + 10001)) $((candidate + 10002)) $((candidate + 10003)); do
      taken "$worker" && continue 2
    done
    port=$candidate
    return
  done
  echo "no free ports between 20140 and 21000" >&2
  exit 1
}

# start_deployment NAME [FLAG...]: `bunraku up` on $place/NAME; returns when everything answers. Sets dir, port, up_pid,
# announced (what --json printed), ready_ms (wall time from before the start of the process to that line).
start_deployment() {
  dir=$place/$1
  shift
  local began fd flags=("$@")
  if [[ ! -e $dir ]]; then
    choose_port
    flags+=(--port "$port")
  fi
  mkdir -p "$dir.log"
  began=$(now_us)
  exec {fd}< <(exec "$BUNRAKU" up --dir "$dir" --json "${flags[@]}" 2>>"$dir.log/up.log")
  up_pid=$!
  if ! read -r -t 180 -u "$fd" announced; then
    echo "bunraku up --dir $dir ${flags[*]}: not ready" >&2
    cat "$dir.log/up.log" >&2
    exit 1
  fi
  ready_ms=$(since_ms "$began")
  exec {fd}<&-
}

# Ends the running deployment, as Ctrl-C does.
stop_deployment() {
  [[ -n $up_pid ]] || return 0
  kill -TERM "$up_pid" 2>/dev/null || true
  local waited=0
  # It is no child that `wait` knows on every bash: look.
  while kill -0 "$up_pid" 2>/dev/null && ((waited++ < 200)); do sleep 0.1; done
  if kill -0 "$up_pid" 2>/dev/null; then
    say "up (pid $up_pid) did not end within 20 s; killed"
    kill -9 "$up_pid"
  fi
  up_pid=
}

# The process of a role now: not the announced one once it has been killed.
pid_of() {
  pgrep -f -- "--config $dir/bunraku.toml serve --role [a-z-]+ --name $1( |\$)" | head -n 1
}

bunraku() { "$BUNRAKU" --config "$dir/bunraku.toml" "$@"; }

# agentload, with JSON on stdout. Failures of requests are figures (exit 2), not an end.
agentload() {
  local status=0
  "$AGENTLOAD" --server "127.0.0.1:$port" --json "$@" || status=$?
  ((status == 0 || status == 2)) || { echo "agentload $*: exit $status" >&2; exit 1; }
}

# start_load FILE ARGUMENT...: agentload in the background, its JSON into $place/FILE. Sets started, its process id.
start_load() {
  "$AGENTLOAD" --server "127.0.0.1:$port" --json "${@:2}" >"$place/$1" &
  started=$!
  load[$started]=1
}

# Waits for a load.
end_load() {
  local status=0
  wait "$1" || status=$?
  unset "load[$1]"
  ((status == 0 || status == 2)) || { echo "a load ended with $status" >&2; exit 1; }
}

# start_role ROLE NAME: a role that the supervisor leaves dead (--no-restart), as an operator starts it by hand.
start_role() {
  "$BUNRAKU" --config "$dir/bunraku.toml" serve --role "$1" --name "$2" >>"$dir/log/$2.log" 2>&1 &
  role_pid=$!
  # Its violent end is part of the plan: no message about it.
  disown "$role_pid"
}

# Ends that role, if it is still the one that was started.
end_role() {
  [[ -n $role_pid && $(readlink "/proc/$role_pid/exe") == "$BUNRAKU" ]] && kill -TERM "$role_pid"
  role_pid=
}

# Cuts a port of ours on the loopback interface: arguments after the port say how.
cut_port() {
  local rule="INPUT -i lo -p tcp --dport $1 ${*:2}"
  rules+=("$rule")
  # shellcheck disable=SC2086
  iptables -w -I $rule
}

# Removes every rule of ours.
cure_all() {
  local rule
  for rule in "${rules[@]}"; do
    # shellcheck disable=SC2086
    iptables -w -D $rule 2>/dev/null
  done
  rules=()
}
