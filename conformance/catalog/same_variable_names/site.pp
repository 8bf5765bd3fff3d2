class a { $x = 1 if true { $y = 2 } notify { "a ${x} ${y}": } }
class b { $x = 10 notify { "b ${x} ${a::y}": } }
include a, b
$x = 'top'
define d { $x = "d ${title}" notify { $x: } }
d { ['1','2']: }
