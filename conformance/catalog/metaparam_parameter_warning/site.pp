define d($noop = true, $tag = undef) { notify { "d ${noop}": } }
d { "x": }
class a($loglevel = "info") { notify { "a": } }
include a
