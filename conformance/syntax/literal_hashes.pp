$a = {}
$b = {a => 1}
$c = {a => 1, 'b' => 2,}
$d = {1 => {2 => 3}}
$e = {type => function}
$f = {[1] => $x, foo() => bar()}
$g = {undef => default}
$h = {$a => $b = 1}
$i = {"a${b}" => 1 + 2}
