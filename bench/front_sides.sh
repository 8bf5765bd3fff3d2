# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Front ends beside each other, before the same two static workers: Bunraku, HAProxy, nginx, Apache. Each runs on one
# processor; load and workers run on the other. Sourced by bench/run.

declare -A front_port front_pids front_cert # of each side
worker_ports=() worker_pids=()
FRONT_CPU=${FRONT_CPU:-0} LOAD_CPU=${LOAD_CPU:-1} BACKENDS=${BACKENDS:-https}

begin_front_sides() {
  local side found=bunraku missing=()
  [[ $BACKENDS == https || $BACKENDS == http ]] || { echo "BACKENDS=$BACKENDS: neither https nor http" >&2; exit 1; }
  (($(nproc) > 1)) || { echo "a front end and its load need a processor each" >&2; exit 1; }
  for side in haproxy nginx apache; do
    if command -v "${side/%apache/apache2}" >/dev/null; then found+=" $side"; else missing+=("$side"); fi
  done
  ((${#missing[@]} == 0)) || say "not installed, so not measured: ${missing[*]}"
  FRONT_SIDES=${FRONT_SIDES:-$found}
  DIRECTORIES=${DIRECTORIES:-$place/directories}
  mkdir -p "$DIRECTORIES"
  ulimit -n "$(ulimit -Hn)"
}

# front_directory CLEANED: a CA (RSA-4096) with a thousand nodes and so many entries in its revocation list.
front_directory() { directory "front-$1" --key rsa --signed 1000 --cleaned "$1"; }

# start_worker AT [MORE...]: the static worker number AT, on its port.
start_worker() {
  local from=$ca_source/identity tls=()
  [[ $BACKENDS == http ]] || tls=(--cert "$from/server.cert.pem" --key "$from/server.key.pem" --cacert "$ca_source/ca/ca_crt.pem")
  taskset -c "$LOAD_CPU" "$AGENTLOAD" static --listen "127.0.0.1:${worker_ports[$1]}" "${tls[@]}" "${@:2}" \
    2>>"$place/static.log" &
  worker_pids[$1]=$!
  load[$!]=1
  # Its violent end is part of the plan: no message about it.
  disown $!
  local waited=0
  until taken "${worker_ports[$1]}"; do
    sleep 0.02
    ((waited++ < 500)) || { echo "the static worker does not listen" >&2; tail "$place/static.log" >&2; exit 1; }
  done
}

end_worker() {
  kill -9 "${worker_pids[$1]}"
  unset "load[${worker_pids[$1]}]"
}

# start_front_sides [MORE...]: two workers (MORE: flags of theirs) and every side, on a fresh directory.
start_front_sides() {
  local at one
  for at in 0 1; do
    choose_port
    worker_ports[at]=$port
    start_worker "$at" "$@"
  done
  for one in $FRONT_SIDES; do
    say "starting $one on ${ca_source##*/}"
    start_front "$one"
    check_identity "$one"
  done
}

# start_front SIDE
start_front() {
  choose_port
  front_port[$1]=$port
  rm -rf "${place:?}/$1"
  mkdir -p "$place/$1"
  # What is started inherits the processor that this shell runs on.
  taskset -cp "$FRONT_CPU" $$ >/dev/null
  "start_front_$1"
  taskset -cp "0-$(($(nproc) - 1))" $$ >/dev/null
}

stop_front_sides() {
  local one pid
  for one in $FRONT_SIDES; do
    if [[ $one == bunraku ]]; then
      end_roles
    else
      pid=${front_pids[$one]}
      kill "$pid" 2>/dev/null || true
      unset "load[$pid]"
      while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
    fi
    unset "front_pids[$one]"
  done
  end_worker 0
  end_worker 1
}

# end_front_peers: whatever they are doing. They are asked first, because then they end their children; what is left after
# three seconds is killed, children too (Apache's would go on serving).
end_front_peers() {
  local one pid all=() waited=0
  for one in "${!front_pids[@]}"; do
    [[ $one != bunraku ]] || continue
    read -ra pid <<<"$(family "$one")"
    all+=("${pid[@]}")
    kill "${front_pids[$one]}" 2>/dev/null
    unset "load[${front_pids[$one]}]"
  done
  while ((${#all[@]})) && kill -0 "${all[@]}" 2>/dev/null && ((waited++ < 60)); do sleep 0.05; done
  ((${#all[@]} == 0)) || kill -9 "${all[@]}" 2>/dev/null
}

# `up` makes the certificates of the roles; then front end and CA are started by themselves, because `up` would start
# the workers as well.
start_front_bunraku() {
  local at=$place/bunraku head worker waited=0
  copy_ca "$at/ssl/ca"
  head=$(printf '%s\n' 'version = 1' 'cluster = "bench"' '[[ca.member]]' 'name = "ca-1"' \
    "address = \"127.0.0.1:$((port + 10002))\"" 'certname = "bunraku-ca-1"' 'cadir = "ssl/ca"' \
    '[front_end]' "listen = \"127.0.0.1:$port\"")
  printf '%s\n' "$head" '[catalog]' 'worker = []' >"$at/bunraku.toml"
  start_deployment bunraku
  stop_deployment
  {
    printf '%s\n' "$head"
    for worker in 0 1; do
      if [[ $BACKENDS == http ]]; then
        printf '[[catalog.worker]]\nname = "w%s"\naddress = "http://127.0.0.1:%s"\nkind = "puppetserver"\n' \
          "$worker" "${worker_ports[$worker]}"
      else
        printf '[[catalog.worker]]\nname = "w%s"\naddress = "127.0.0.1:%s"\ncertname = "localhost"\n' \
          "$worker" "${worker_ports[$worker]}"
      fi
    done
  } >"$at/bunraku.toml"
  start_role front-end front-end
  front_end_pid=$role_pid front_pids[bunraku]=$role_pid
  taskset -cp "$LOAD_CPU" $$ >/dev/null
  start_role ca ca-1
  ca_pid=$role_pid
  until curl -sSfk "https://127.0.0.1:$port/puppet-ca/v1/certificate/ca" >"$place/ca.answer" 2>&1; do
    sleep 0.1
    ((waited++ < 100)) || { echo "Bunraku's front end and CA do not answer: $(cat "$place/ca.answer")" >&2; exit 1; }
  done
}

# peer_files SIDE CRL UPSTREAM FILE: what a peer reads, in $place/SIDE. CRL and UPSTREAM (TLS towards workers) are
# directives.
peer_files() {
  local at=$place/$1 from=$ca_source upstream=$3
  [[ $BACKENDS == https ]] || upstream=
  cp "$from/identity/server.cert.pem" "$from/identity/server.key.pem" "$at/"
  cat "$at/server.cert.pem" "$at/server.key.pem" >"$at/server.pem"
  cp "$from/ca/ca_crt.pem" "$at/ca.pem"
  cp "$from/ca/ca_crl.pem" "$at/crl.pem"
  awk -v crl="$2" -v upstream="$upstream" '{ sub(/@CRL@/, crl); sub(/@UPSTREAM_TLS@/, upstream); print }' "$bench/peers/$4" |
    sed "s#@DIR@#$at#g; s#@PORT@#$port#g; s#@LOG@#${5:-$at/access.log}#g; s#@SCHEME@#$BACKENDS#g
      s#@WORKER1@#${worker_ports[0]}#g; s#@WORKER2@#${worker_ports[1]}#g" >"$at/$4"
}

# A peer has been started as $!: waits for its port.
peer_started() {
  local pid=$!
  load[$pid]=1 front_pids[$1]=$pid
  disown "$pid"
  local waited=0
  until taken "$port"; do
    sleep 0.05
    ((waited++ < 200)) || { echo "$1 does not listen" >&2; tail "$place/$1"/*.log >&2; exit 1; }
  done
  sleep 1
}

start_front_haproxy() {
  peer_files haproxy 'crl-file @DIR@/crl.pem' \
    'ssl crt @DIR@/server.pem ca-file @DIR@/ca.pem verify required verifyhost localhost sni str(localhost)' haproxy.cfg stdout
  # Master and worker, so that it can be reloaded. Its log is standard output, which is a file.
  haproxy -W -f "$place/haproxy/haproxy.cfg" >>"$place/haproxy/access.log" 2>>"$place/haproxy/error.log" &
  peer_started haproxy
}

start_front_nginx() {
  mkdir -p "$place/nginx"/{body,proxy,fastcgi,uwsgi,scgi}
  peer_files nginx 'ssl_crl @DIR@/crl.pem;' 'proxy_ssl_certificate @DIR@/server.cert.pem; proxy_ssl_certificate_key @DIR@/server.key.pem; proxy_ssl_trusted_certificate @DIR@/ca.pem; proxy_ssl_verify on; proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_ssl_protocols TLSv1.3;' nginx.conf
  # Its worker runs as nobody, or as root where this does: it must read the keys.
  chmod 755 "$place" "$place/nginx"
  sed -i "1i user $(id -un);" "$place/nginx/nginx.conf"
  nginx -e "$place/nginx/error.log" -c "$place/nginx/nginx.conf" 2>>"$place/nginx/error.log" &
  peer_started nginx
}

start_front_apache() {
  peer_files apache 'SSLCARevocationFile @DIR@/crl.pem\n    SSLCARevocationCheck leaf' \
    'SSLProxyEngine on\n    SSLProxyMachineCertificateFile @DIR@/server.pem\n    SSLProxyCACertificateFile @DIR@/ca.pem\n    SSLProxyVerify require\n    SSLProxyCheckPeerName off' apache.conf
  chmod 755 "$place" "$place/apache"
  apache2 -D FOREGROUND -f "$place/apache/apache.conf" 2>>"$place/apache/error.log" &
  peer_started apache
}

# reload_front SIDE: so that it reads the revocation list again.
reload_front() {
  local pid=${front_pids[$1]}
  case $1 in
    haproxy) kill -USR2 "$pid" ;;
    nginx) kill -HUP "$pid" ;;
    apache) kill -USR1 "$pid" ;;
  esac
}

# check_identity SIDE: the same work is done by all: the client's identity reaches the worker, and no word of its own.
check_identity() {
  local head name=node-0000001.example.com
  head=$(curl -sS --resolve "localhost:${front_port[$1]}:127.0.0.1" --cacert "$ca_source/ca/ca_crt.pem" \
    --cert "$ca_source/ca/signed/$name.pem" --key <(awk '/BEGIN/ {n++} n == 2' "$ca_source/identity/node-keys.pem") \
    -H 'X-Client-DN: CN=forged' -H 'X-Client-Verify: SUCCESS' -H 'X_Client_DN: CN=forged' \
    "https://localhost:${front_port[$1]}/puppet/v3/file_metadata/modules/bench/echo")
  grep -qi '^x-client-verify: SUCCESS' <<<"$head" && grep -qi "^x-client-dn: \"\?CN=$name" <<<"$head" &&
    grep -qi '^x-client-cert: -----BEGIN%20CERTIFICATE-----%0A' <<<"$head" &&
    [[ $(grep -ci '^x.client.dn' <<<"$head") == 1 ]] && ! grep -qi forged <<<"$head" ||
    { printf '%s does not tell the worker who asks:\n%s\n' "$1" "$head" >&2; exit 1; }
}

# front_load SIDE COMMAND...: agentload, JSON on stdout; failures of requests are figures (exit 2), not an end.
front_load() {
  local status=0
  taskset -c "$LOAD_CPU" "$AGENTLOAD" --server "127.0.0.1:${front_port[$1]}" --json "$2" --directory "$ca_source" \
    "${@:3}" 2>>"$place/agentload.log" || status=$?
  ((status == 0 || status == 2)) || { tail -n 2 "$place/agentload.log" >&2; return 1; }
}

# All processes of a side: a peer's are those that its first one has now.
family() { echo "${front_pids[$1]} $([[ $1 == bunraku ]] || pgrep -d ' ' -P "${front_pids[$1]}")"; }

# "--pid N --pid N": all processes of a side.
pid_flags() { local pid; for pid in $(family "$1"); do printf -- '--pid %s ' "$pid"; done; }

# PSS of all processes of a side, kB.
front_memory() {
  local pid sum=0
  for pid in $(family "$1"); do sum=$((sum + $(memory_of "$pid" | cut -d' ' -f2))); done
  echo "$sum"
}

# best_peer WHAT HIGHER|LOWER: the median of the best peer.
best_peer() {
  local one
  for one in $FRONT_SIDES; do
    [[ $one == bunraku ]] || samples "$1" "$one" | median
  done | grep -v '^-$' | sort -g | { [[ $2 == HIGHER ]] && tail -n 1 || head -n 1; }
}

front_row() { printf '| %s | %s | %s | %s | %s | %s |\n' "$@"; }

# front_figures WHAT TITLE UNIT HIGHER|LOWER: a row. The ratio is to the best peer; above 1 is better than it.
front_figures() {
  local one cells=() ours best ratio=-
  for one in bunraku haproxy nginx apache; do cells+=("$(samples "$1" "$one" | spread "$3")"); done
  ours=$(samples "$1" bunraku | median) best=$(best_peer "$1" "$4")
  if [[ $ours != - && -n $best ]] && awk -v o="$ours" -v b="$best" 'BEGIN { exit !(o > 0 && b > 0) }'; then
    ratio=$(awk -v o="$ours" -v b="$best" -v better="$4" 'BEGIN { printf "%.2f", better == "HIGHER" ? o / b : b / o }')
  fi
  front_row "$2" "${cells[@]}" "$ratio"
}
