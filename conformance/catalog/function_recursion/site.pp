function fact(Integer $n) { if $n <= 1 { 1 } else { $n * fact($n - 1) } }
function sum_tree($t) { $t ? { Array => $t.reduce(0) |$m, $x| { $m + sum_tree($x) }, default => $t } }
notify { "f ${fact(10)} ${sum_tree([1,[2,[3,4]],5])}": }
