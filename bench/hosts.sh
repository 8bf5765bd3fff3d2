# shellcheck shell=bash disable=SC2034,SC2154
# A deployment on hosts of its own: network namespaces, joined by a bridge in a further one. Sourced by bench/run.

HOSTS=(front one two client)
net=""                 # what the namespaces' names begin with
declare -A role_pid_of # process ids by the names of roles
declare -A address=([front]=198.18.0.1 [one]=198.18.0.2 [two]=198.18.0.3 [client]=198.18.0.4)
declare -A home_of=([front-end]=front [catalog-1]=front [ca-1]=one [ca-2]=two)

# Runs a program on a host, in place of the shell that calls it.
at() { ip netns exec "$net-$1" "${@:2}"; }

make_hosts() {
  local host
  net=bench$$
  ip netns add "$net-switch"
  ip -n "$net-switch" link add bridge type bridge
  ip -n "$net-switch" link set bridge up
  for host in "${HOSTS[@]}"; do
    ip netns add "$net-$host"
    ip -n "$net-switch" link add "$host" type veth peer name eth0 netns "$net-$host"
    ip -n "$net-switch" link set "$host" master bridge up
    ip -n "$net-$host" link set lo up
    ip -n "$net-$host" link set eth0 up
    ip -n "$net-$host" address add "${address[$host]}/24" dev eth0
  done
}

end_hosts() {
  local host name
  [[ -n $net ]] || return 0
  for name in "${!role_pid_of[@]}"; do
    kill -CONT "${role_pid_of[$name]}" 2>/dev/null
    kill -TERM "${role_pid_of[$name]}" 2>/dev/null
  done
  for name in "${!role_pid_of[@]}"; do
    while kill -0 "${role_pid_of[$name]}" 2>/dev/null; do sleep 0.1; done
  done
  role_pid_of=()
  for host in "${HOSTS[@]}" switch; do ip netns delete "$net-$host" 2>/dev/null; done
  net=""
}

# The deployment in $dir, made by `up` on this machine's loopback interface, gets addresses on the hosts.
move_to_hosts() {
  local base=$port
  sed -i -E \
    -e "s/127\.0\.0\.1:$base\"/${address[front]}:8140\"/" \
    -e "s/127\.0\.0\.1:$((base + 10000))\"/${address[front]}:18140\"/" \
    -e "s/127\.0\.0\.1:$((base + 10001))\"/${address[front]}:18141\"/" \
    -e "s/127\.0\.0\.1:$((base + 10002))\"/${address[one]}:8141\"/" \
    -e "s/127\.0\.0\.1:$((base + 10003))\"/${address[two]}:8141\"/" \
    -e "s/^failback_after = .*/failback_after = \"500ms\"/" "$dir/bunraku.toml"
}

# start_on_host ROLE NAME
start_on_host() {
  # A killed process keeps its CA directory locked until its last flush is over.
  while kill -0 "${role_pid_of[$2]:-0}" 2>/dev/null && [[ -n ${role_pid_of[$2]:-} ]]; do sleep 0.01; done
  ip netns exec "$net-${home_of[$2]}" "$BUNRAKU" --config "$dir/bunraku.toml" serve --role "$1" --name "$2" \
    >>"$dir/log/$2.log" 2>&1 &
  role_pid_of[$2]=$!
  # Its violent end is part of the plan: no message about it.
  disown $!
}
