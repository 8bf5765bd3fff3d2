[1,2,3].each |$x| { notify { "e ${x}": } }
each(['a','b']) |$i, $v| { notify { "iv ${i} ${v}": } }
$hh = {a => 1, b => 2}
$hh.each |$k, $v| { notify { "kv ${k} ${v}": } }
$h1 = {a => 1}
$h1.each |$p| { notify { "p ${p[0]} ${p[1]}": } }
$m = [1,2,3].map |$x| { $x * 2 }
$f = [1,2,3,4].filter |$x| { $x % 2 == 0 }
$r = [1,2,3].reduce |$m, $x| { $m + $x }
$r2 = [1,2,3].reduce(10) |$m, $x| { $m + $x }
$w = with(5, 6) |$a, $b| { $a * $b }
$hm = {a => 1, b => 2}.map |$k, $v| { "${k}=${v}" }
$hf = {a => 1, b => 2}.filter |$k, $v| { $v > 1 }
notify { 'all': message => [$m, $f, $r, $r2, $w, $hm, $hf] }
