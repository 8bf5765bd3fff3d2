$a = $x =~ /a/ and $y !~ /b/
$b = 1 in 2 + 3
$c = 1 * 2 in 3
$d = $x =~ 2 in 3
$e = !$x in $y
$f = a in [a, b]
$g = -1 in $x
$h = $x in $y in $z
