class k { $a = 1 $b = 'two' }
include k
[$a, $b] = Class['k']
[$x, $y] = [10, 20]
[$h1, $h2] = { 'h1' => 'v1', 'h2' => 'v2' }
[$n, [$m, $o]] = [1, [2, 3]]
notify { "v ${a} ${b} ${x} ${y} ${h1} ${h2} ${n} ${m} ${o}": }
