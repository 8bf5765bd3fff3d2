# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# A CA on its own port, Bunraku's or Puppet Server's, on a copy of the same directory. Sourced by bench/run.

PUPPETSERVER_JAR=${PUPPETSERVER_JAR:-/usr/share/puppetserver/puppetserver.jar}
PUPPETSERVER_CONF=${PUPPETSERVER_CONF:-/etc/puppet/puppetserver}

side="" ca_pid="" ca_port="" ca_name="" ca_source="" front_end_pid="" starts=0
declare -A figure # "WHAT SIDE" -> samples, one a line

begin_sides() {
  local found=bunraku
  if [[ -r $PUPPETSERVER_JAR && -d $PUPPETSERVER_CONF ]] && command -v java >/dev/null; then
    found+=" puppetserver"
  else
    say "Puppet Server is not installed: its column stays empty"
  fi
  SIDES=${SIDES:-$found}
  DIRECTORIES=${DIRECTORIES:-$place/directories}
  mkdir -p "$DIRECTORIES"
  # A thousand connections at once, on both sides.
  ulimit -n "$(ulimit -Hn)"
  echo
  side_row what Bunraku 'Puppet Server' ratio 'beside it'
  side_row '---' '---' '---' '---' '---'
}

side_row() { printf '| %s | %s | %s | %s | %s |\n' "$@"; }

# directory NAME ARGUMENT...: a CA directory made by `agentload make-directory`, once. Sets ca_source.
directory() {
  ca_source=$DIRECTORIES/$1
  [[ -e $ca_source/names ]] && return
  say "making $1: ${*:2}"
  rm -rf "$ca_source"
  "$AGENTLOAD" make-directory "$ca_source" "${@:2}" 2>/dev/null >&2
}

# copy_ca TO: the certificates as hard links (both servers replace such files and never write into them), the rest as
# copies.
copy_ca() {
  mkdir -p "$1"
  cp -al "$ca_source/ca/signed" "$1/signed"
  find "$ca_source/ca" -mindepth 1 -maxdepth 1 ! -name signed -exec cp -a {} "$1/" \;
}

# start_side SIDE [MEMBERS]: starts it on a copy of $ca_source and waits until it answers. Sets side, ca_pid, ca_port.
# Each in a directory of its own, and none is removed before the end: for minutes after thousands of files were deleted,
# ext4 without a journal looks at the inode of each before it gives out a new one, and that would be measured.
start_side() {
  side=$1
  starts=$((starts + 1))
  say "starting $side on ${ca_source##*/}"
  "start_$1" "${2:-1}"
}

start_bunraku() {
  local at=$place/bunraku-$starts members
  copy_ca "$at/ssl/ca"
  choose_port
  ca_port=$((port + 10002)) ca_name=bunraku-ca-1
  members="[[ca.member]]
name = \"ca-1\"
address = \"127.0.0.1:$ca_port\"
certname = \"bunraku-ca-1\"
cadir = \"ssl/ca\""
  (($1 == 1)) || members+="
[[ca.member]]
name = \"ca-2\"
address = \"127.0.0.1:$((port + 10003))\"
certname = \"bunraku-ca-2\"
cadir = \"ssl/ca.standby\""
  printf '%s\n' 'version = 1' 'cluster = "bench"' '[ca]' 'autosign = true' "$members" \
    '[front_end]' "listen = \"127.0.0.1:$port\"" '[catalog]' 'worker = []' >"$at/bunraku.toml"
  start_deployment "bunraku-$starts"
  ca_pid=$(pid_of ca-1)
}

# The configuration of the package, with every path in a directory of its own.
start_puppetserver() {
  local at=$place/puppetserver-$starts from=$ca_source/identity
  mkdir -p "$at"/ssl/{certs,private_keys,public_keys} "$at"/{conf.d,services.d,code,var,run,log}
  copy_ca "$at/ca"
  cp "$from/server.cert.pem" "$at/ssl/certs/server.example.com.pem"
  cp "$from/server.key.pem" "$at/ssl/private_keys/server.example.com.pem"
  openssl pkey -in "$from/server.key.pem" -pubout -out "$at/ssl/public_keys/server.example.com.pem"
  cp "$ca_source/ca/ca_crt.pem" "$at/ssl/certs/ca.pem"
  cp "$ca_source/ca/ca_crl.pem" "$at/ssl/crl.pem"
  cp -r "$PUPPETSERVER_CONF/." "$at/"
  sed -i "s#/etc/puppet/puppetserver#$at#g; s#/var/log/puppetserver#$at/log#g; s#/run/puppetserver#$at/run#g
    s#server-conf-dir: .*#server-conf-dir: $at#; s#server-code-dir: .*#server-code-dir: $at/code#
    s#server-var-dir: .*#server-var-dir: $at/var#" "$at"/conf.d/*.conf "$at"/*.xml
  choose_port
  ca_port=$port ca_name=localhost
  sed -i "s#ssl-host: .*#ssl-host: 127.0.0.1#; s#ssl-port: .*#ssl-port: $port#" "$at/conf.d/webserver.conf"
  printf '%s\n' '[main]' 'certname = server.example.com' "ssldir = $at/ssl" "vardir = $at/var" \
    '[server]' "cadir = $at/ca" 'autosign = true' "codedir = $at/code" >"$at/puppet.conf"
  launch_puppetserver
  wait_for_ca /status/v1/simple
}

# With the memory that the package gives it. Sets began, a moment before.
launch_puppetserver() {
  local at=$place/puppetserver-$starts
  began=$(now_us)
  (
    cd "${PUPPETSERVER_JAR%/*}" || exit
    exec java -Xms1g -Xmx1g -Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger \
      -Djruby.lib=/usr/share/jruby/lib -jar "$PUPPETSERVER_JAR" \
      --config "$at/conf.d" --bootstrap-config "$at/services.d"
  ) >>"$at/log/out.log" 2>&1 &
  ca_pid=$!
  # shellcheck disable=SC2004
  load[$ca_pid]=1
}

# wait_for_ca PATH: milliseconds from $began until its first 200, in ready_ms.
wait_for_ca() {
  local answered
  answered=$(ca_load ca-wait "$1" -t 300)
  ready_ms=$((($(jq .at_us <<<"$answered") - began) / 1000))
}

stop_side() {
  case $side in
    bunraku) stop_deployment ;;
    puppetserver)
      kill "$ca_pid" 2>/dev/null || true
      wait "$ca_pid" 2>/dev/null || true
      unset "load[$ca_pid]"
      ;;
  esac
  side="" ca_pid=""
}

# Starts the present side again, on what its CA has left: ready_ms is from before the start of the CA's process to the
# first certificate that it hands out.
restart_side() {
  local name
  name=/puppet-ca/v1/certificate/$(head -n 1 "$ca_source/names")
  case $side in
    bunraku)
      stop_deployment
      start_role front-end front-end
      front_end_pid=$role_pid
      until taken "$port"; do sleep 0.02; done
      sleep 1
      began=$(now_us)
      start_role ca ca-1
      ca_pid=$role_pid
      wait_for_ca "$name"
      ;;
    puppetserver)
      kill "$ca_pid"
      wait "$ca_pid" 2>/dev/null || true
      unset "load[$ca_pid]"
      launch_puppetserver
      wait_for_ca "$name"
      ;;
  esac
}

# Ends what restart_side started of Bunraku.
end_roles() {
  local pid
  for pid in "$front_end_pid" "$ca_pid"; do
    [[ -n $pid && $(readlink "/proc/$pid/exe") == "$BUNRAKU" ]] || continue
    kill -TERM "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  done
  front_end_pid="" role_pid=""
}

# agentload on the present side's port, JSON on stdout. Failures of requests are figures (exit 2), not an end.
ca_load() {
  local status=0
  "$AGENTLOAD" --server "127.0.0.1:$ca_port" --name "$ca_name" --json "$1" --cacert "$ca_source/ca/ca_crt.pem" \
    --pid "$ca_pid" "${@:2}" 2>>"$place/agentload.log" || status=$?
  ((status == 0 || status == 2)) || { tail -n 2 "$place/agentload.log" >&2; return 1; }
}

# The same as the operator.
operator_load() {
  ca_load "$@" --cert "$ca_source/identity/operator.cert.pem" --key "$ca_source/identity/operator.key.pem"
}

# note WHAT NUMBER...: samples of the present side.
note() {
  local number
  for number in "${@:2}"; do figure["$1 $side"]+="$number"$'\n'; done
}

# note_load WHAT FILTER: the field of the JSON on stdin; nothing but "failed" when requests failed.
note_load() {
  local answer
  answer=$(cat)
  if [[ $(jq .failed <<<"$answer") == 0 ]]; then
    note "$1" "$(jq "$2" <<<"$answer")"
  else
    say "$side, $1: $(jq -c .failures <<<"$answer")"
  fi
}

samples() { printf '%s' "${figure["$1 $2"]:-}"; }

# side_figures WHAT TITLE UNIT HIGHER|LOWER [BESIDE]: a row; HIGHER or LOWER says what is better, for the ratio.
side_figures() {
  local ours theirs ratio=-
  ours=$(samples "$1" bunraku | median) theirs=$(samples "$1" puppetserver | median)
  if [[ $ours != - && $theirs != - ]]; then
    ratio=$(awk -v o="$ours" -v t="$theirs" -v better="$4" "$round_off"'
      BEGIN { x = better == "HIGHER" ? o / t : t / o; print r(x) "x" }')
  fi
  side_row "$2" "$(samples "$1" bunraku | spread "$3")" "$(samples "$1" puppetserver | spread "$3")" "$ratio" "${5:--}"
}
