$a = $b = 5
$c = ($d = 7) + 1
[$e, $f] = [$a, $c]
$g = if $a == 5 { $h = 'set in if' 'val' }
notify { "r ${a} ${b} ${c} ${d} ${e} ${f} ${g} ${h}": }
case 1 { 1: { $i = 'in case' } }
notify { $i: }
