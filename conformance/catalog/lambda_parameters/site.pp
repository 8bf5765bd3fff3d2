$r = with(1) |$a, $b = $a + 1, *$c| { [$a, $b, $c] }
$s = with(1,2,3,4) |Integer $a, $b = 0, Integer *$c| { [$a, $b, $c] }
$t = [[1,2],[3,4]].map |$p| { $p[0] + $p[1] }
$u = [1,2,3].map |$x| { if $x == 2 { next('skipped') } $x }
$v = [1,2,3].filter |Integer $x| >> Boolean { $x > 1 }
notify { 'r': message => [$r, $s, $t, $u, $v] }
