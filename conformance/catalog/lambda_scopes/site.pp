$x = 'outer'
[1,2].each |$i| { $y = "inner ${i}" notify { "${x} ${y}": } }
class k { $x = 'k' ['a'].each |$v| { $z = "${x} ${v}" [1].each |$w| { notify { "${z} ${w} ${x}": } } } }
include k
['a1','b2'].each |$s| { if $s =~ /([a-z])(\d)/ { notify { "m $1 $2": } } }
