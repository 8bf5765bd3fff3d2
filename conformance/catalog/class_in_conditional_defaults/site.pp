class a($x = $facts['kernel'] ? { 'Linux' => 'lin', default => 'other' }, $y = [$x, 1], $z = { 'k' => $y }) { notify { 'a': message => [$x,$y,$z] } }
include a
define d($n = $title, $m = "m ${name}") { notify { "d ${n} ${m}": } }
d { 't': }
