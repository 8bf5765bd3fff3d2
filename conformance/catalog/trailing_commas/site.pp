notify { ['a', 'b',]: message => 'x', }
$h = { 'a' => 1, }
$l = [1, 2,]
function f($a, $b,) { $a }
notify { "r ${f(1, 2,)} ${h} ${l}": }
