$top = 'top'
$x = 'x top'
class a { $x = 'x a' $y = "${top} ${::top} ${x} ${::x}" notify { $y: } include b }
class b { notify { "b ${x} ${a::x} ${::a::y}": } }
define d { $l = 'local' notify { "d ${x} ${l} ${title}": } }
include a
d { 'i': }
node default { $n = 'node' include c  notify { "n ${n}": } }
class c { notify { "c ${n} ${top}": } }
