# shellcheck shell=bash disable=SC2034,SC2154,SC2016
# Numbers and rows. Sourced by bench/run.

# Progress, for whoever waits.
say() { printf '%s %s\n' "$(date +%T)" "$*" >&2; }

# The same moment as `date +%s%6N`, without starting a process.
now_us() { printf '%s' "${EPOCHREALTIME/./}"; }

# Milliseconds since a moment in microseconds.
since_ms() { echo $((($(now_us) - $1) / 1000)); }

# Three or four digits are all that a measurement bears.
round_off='function r(x) { return sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.2f", x) }'

# Median of the numbers on stdin; `-` when there is none.
median() {
  sort -g | awk "$round_off"'{v[NR]=$1} END {print NR ? r(NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2) : "-"}'
}

# "median (least–most of N)" of the numbers on stdin, with an optional unit.
spread() {
  sort -g | awk -v unit="${1:-}" "$round_off"'
    {v[NR]=$1}
    END {
      if (!NR) { print "none"; exit }
      m = NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2
      u = unit == "" ? "" : " " unit
      if (NR == 1) print r(m) u; else printf "%s%s (%s–%s, n=%d)\n", r(m), u, r(v[1]), r(v[NR]), NR
    }'
}

# Signatures a second of one core, at this moment: "RSA-4096 P-256".
openssl_speed() {
  openssl speed -seconds 2 rsa4096 ecdsap256 2>/dev/null |
    awk '/^rsa 4096/ {r=$(NF-1)} /nistp256/ {e=$(NF-1)} END {print r, e}'
}

# Process id -> "RSS PSS" in kB
memory_of() { awk '/^Rss:/ {r=$2} /^Pss:/ {p=$2} END {print r, p}' "/proc/$1/smaps_rollup"; }

# "RSS / PSS" in MB of kB
in_mb() { awk '{printf "%.1f / %.1f MB\n", $1/1000, $2/1000}' <<<"$1"; }

# A row of the table.
row() { printf '| %s | %s |\n' "$1" "$2"; }

# Programs that the measurements drive; what is missing is named with its Debian package.
need() {
  local program missing=()
  for program in "$@"; do command -v "$program" >/dev/null || missing+=("$program"); done
  ((${#missing[@]} == 0)) || { echo "missing: ${missing[*]} (Debian packages of the same names)" >&2; exit 1; }
}

# What the figures were taken on.
heading() {
  local commit
  commit=$(git -C "$bench" rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
  git -C "$bench" diff --quiet HEAD -- .. 2>/dev/null || commit+=" with local changes"
  echo "Commit $commit; $(nproc) x $(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo), Linux $(uname -r)," \
    "$(date -u +%FT%TZ); load average before: $(cut -d' ' -f1-3 /proc/loadavg)$( ((quick)) && echo '; QUICK: do not quote')"
}

table() {
  echo
  row what measured
  row '---' '---'
}

footing() {
  echo
  echo "Load average after: $(cut -d' ' -f1-3 /proc/loadavg). Median (least–most) of n samples; what each figure means: bench/README.md."
}
