function outer($f) { $f.map |$x| { inner($x) } }
function inner($x) { [$x, $x * 2].map |$y| { $y + 1 } }
notify { "n ${outer([1,2])}": }
notify { [[1,2],[3]].map |$p| { $p.map |$q| { "pq ${p} ${q}" } } : }
