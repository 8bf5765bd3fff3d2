$x = 1
$r = [10,20].map |$x| { $x + 1 }
$s = [1].map |$y| { $x = 5 $x + $y }
notify { "r ${r} ${s} ${x}": }
