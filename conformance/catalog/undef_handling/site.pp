$u = undef
notify { "u [${u}] ${$u =~ Undef} ${$u == ''} ${[$u, 1]} ${{'a' => $u}}": }
define d($p = undef) { if $p { notify { "has ${title}": } } else { notify { "none ${title}": } } }
d { 'a': p => undef } d { 'b': p => '' } d { 'c': p => false } d { 'd': }
$h = { 'a' => undef }
notify { 'h': message => [$h['a'], $h['zz'], $h.length] }
